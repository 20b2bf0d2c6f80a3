"""Promise 7: no fact without its event; each client's sequence has no gap, whoever writes and whoever rolls back."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, ProgrammingError

from apps.core import clock, db, ids
from apps.core.actor import Actor, acting
from apps.core.unit import use_case
from apps.events import operations as events
from apps.events import queries
from tests import world
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)
ACME, BOREALIS = UUID(int=1), UUID(int=2)


@use_case
def record(*, told: list[tuple[UUID | None, bool]], fail: bool = False, now: datetime) -> None:
    """One event for each (client, whether the client sees it)."""
    for number, (client, seen) in enumerate(told):
        events.record(
            "thing.happened", subject_type="thing", subject_id=ids.uuid7(), client_id=client, public={"n": str(number)} if seen else None
        )
    if fail:
        raise ValueError("rolled back")


def sequence(client: UUID) -> list[int]:
    return [
        row[0]
        for row in db.run(
            "SELECT client_seq FROM events_event WHERE client_id = %s AND client_seq IS NOT NULL ORDER BY position", (client,)
        )
    ]


def test_each_client_counts_from_one_and_house_facts_are_not_counted() -> None:
    record(told=[(ACME, True), (None, False), (BOREALIS, True), (ACME, False), (ACME, True)])
    record(told=[(ACME, True)])
    assert sequence(ACME) == [1, 2, 3]
    assert sequence(BOREALIS) == [1]
    assert queries.top_seq(ACME) == 3
    assert queries.top_seq(UUID(int=7)) == 0
    assert db.one("SELECT count(*) FROM events_event WHERE client_seq IS NULL") == (2,)


def test_a_rolled_back_fact_leaves_no_event_and_no_gap() -> None:
    record(told=[(ACME, True)])
    with pytest.raises(ValueError, match="rolled back"):
        record(told=[(ACME, True), (ACME, True)], fail=True)
    record(told=[(ACME, True)])
    assert sequence(ACME) == [1, 2]


def test_eight_writers_with_rollbacks_leave_gapless_sequences() -> None:
    def work(index: int) -> int:
        kept = 0
        for number in range(20):
            fails = (index + number) % 4 == 0
            told = [(ACME, True), (BOREALIS, True)] if (index + number) % 2 else [(BOREALIS, True), (ACME, True), (ACME, True)]
            try:
                record(told=told, fail=fails)
            except ValueError:
                continue
            kept += len(told) - 1
        return kept

    found = together(8, work)
    assert not [one for one in found if isinstance(one, Exception)], found
    mine = sorted(sequence(ACME))
    assert mine == list(range(1, sum(found) + 1))
    theirs = sorted(sequence(BOREALIS))
    assert theirs == list(range(1, len(theirs) + 1))
    assert queries.top_seq(ACME) == len(mine)


def test_an_event_knows_who_and_when() -> None:
    clock.freeze_desk(world.NOON)
    who = Actor(kind="STAFF", id=UUID(int=5), name="Tara Trader")
    with acting(who, "req-1"):
        record(told=[(ACME, True)])
    record(told=[(None, False)])
    rows = db.run("SELECT actor_kind, actor_id, actor_name, request_id, effective_at FROM events_event ORDER BY position")
    assert rows == [("STAFF", UUID(int=5), "Tara Trader", "req-1", world.NOON), ("SYSTEM", None, "flowdesk", "", world.NOON)]


def test_a_client_reads_its_own_events_after_a_number_and_no_one_elses() -> None:
    record(told=[(ACME, True), (BOREALIS, True), (ACME, True), (ACME, False), (ACME, True)])
    acme = Actor(kind="MEMBER", client_id=ACME)
    assert [event.client_seq for event in queries.list_for_client(actor=acme, after_seq=1, limit=10)] == [2, 3]
    assert [event.client_seq for event in queries.list_for_client(actor=acme, after_seq=0, limit=1)] == [1]
    mallory = Actor(kind="MEMBER", client_id=UUID(int=66))
    assert queries.list_for_client(actor=mallory, after_seq=0, limit=10) == []


def raw(**change: Any) -> None:
    row: dict[str, Any] = {
        "id": ids.uuid7(), "era": 1, "kind": "raw.written", "subject_type": "raw", "subject_id": UUID(int=9),
        "client_id": ACME, "client_seq": 4, "public": "{}", "house": "{}",
        "actor_kind": "SYSTEM", "actor_name": "", "request_id": "", "effective_at": world.NOON,
    } | change  # fmt: skip
    db.run(f"INSERT INTO events_event ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})", tuple(row.values()))


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"client_seq": 4}, "events_gapless"),  # the counter does not say so
        ({"client_seq": 5}, "events_gapless"),
        ({"client_seq": 3}, "event_client_seq"),
        ({"client_seq": 0}, "events_gapless"),
        ({"client_seq": None}, "event_public_has_seq"),
        ({"client_id": None}, "event_public_has_seq"),
        ({"public": None}, "event_public_has_seq"),
        ({"client_id": BOREALIS, "client_seq": 1}, "events_gapless"),
    ],
)
def test_raw_sql_cannot_write_an_event_that_leaves_a_gap_or_comes_twice(change: dict[str, Any], constraint: str) -> None:
    record(told=[(ACME, True)] * 3)
    with pytest.raises(IntegrityError) as no:
        raw(**change)
    assert no.value.__cause__.diag.constraint_name == constraint  # type: ignore[union-attr]
    assert sequence(ACME) == [1, 2, 3]


def test_a_counter_is_not_moved_by_hand_and_no_gap_is_opened() -> None:
    record(told=[(ACME, True)] * 3)
    for moved in (7, 2):
        with pytest.raises(IntegrityError, match="events: a counter"):
            db.run("UPDATE events_counter SET last_seq = %s WHERE client_id = %s", (moved, ACME))
    for seq in (3, 4, 7):
        with pytest.raises(IntegrityError):
            raw(client_seq=seq)
    record(told=[(ACME, True)])
    assert sequence(ACME) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "sql",
    ["UPDATE events_event SET kind = 'other'", "DELETE FROM events_event", "TRUNCATE events_event CASCADE", "DELETE FROM events_counter"],
)
def test_events_are_never_changed_or_taken_away(sql: str, superuser_session: Any) -> None:
    record(told=[(ACME, True)])
    with pytest.raises((IntegrityError, ProgrammingError)):
        db.run(sql)
    with pytest.raises(Exception, match="is refused, its rows are kept"):
        superuser_session.execute(sql)
    assert sequence(ACME) == [1]
