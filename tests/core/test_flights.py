"""Statements that nobody waits for travel together, in order, and a refusal among them undoes the effect alone."""

import time
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection

from apps.clients.models import Group
from apps.core import db, flights, ids
from apps.core.errors import Conflict
from apps.core.unit import use_case
from tests.engines import superuser

pytestmark = pytest.mark.django_db(transaction=True)
TAKEN = Conflict("taken")


def add(name: str, **more: Any) -> None:
    db.send("INSERT INTO clients_group (id, name) VALUES (%s, %s)", (ids.uuid7(), name), **more)


def names() -> list[str]:
    return sorted(row[0] for row in db.run("SELECT name FROM clients_group"))


class Told:
    """A receipt that keeps what it was told in the table of groups."""

    answer = ""

    def __init__(self) -> None:
        self.brought: dict[str, Any] = {}

    def begin(self) -> datetime:
        return db.one("SELECT desk_now()")[0]  # type: ignore[no-any-return]

    def stored(self) -> None:
        return None

    def store(self, result: Any) -> Any:
        add(f"stored {result}")
        return result

    def refuse(self, no: Any) -> None:
        add("refused")

    def store_refusal(self, no: Any) -> Any:
        add("refusal stored")
        return no


@use_case
def add_all(*, now: datetime, given: list[str], refuse: bool = False) -> str:
    for name in given:
        add(name, refuse={"clients_group_name_key": TAKEN} if refuse else None)
    return "done"


def test_what_nobody_waits_for_goes_out_with_the_commit_in_one_flight() -> None:
    connection.ensure_connection()
    before = flights.flights
    add_all(given=["a", "b", "c"])
    assert flights.flights == before + 2  # the received instant with BEGIN; the three rows with COMMIT
    assert names() == ["a", "b", "c"]


def test_statements_keep_their_order_among_those_of_the_orm() -> None:
    @use_case
    def mixed(*, now: datetime) -> list[str]:
        add("first")
        seen = [g.name for g in Group.objects.all()]
        Group(name="second").save(force_insert=True)
        add("third")
        return seen + [row[0] for row in db.run("SELECT name FROM clients_group ORDER BY ctid")]

    assert mixed() == ["first", "first", "second", "third"]


def test_breach_found_with_the_commit_rolls_all_back() -> None:
    add_all(given=["a"])
    with pytest.raises(IntegrityError):
        add_all(given=["b", "a", "c"])
    assert names() == ["a"]
    add_all(given=["d"])  # the connection is as good as new
    assert names() == ["a", "d"]


def test_refusal_found_with_the_commit_undoes_the_effect_and_keeps_the_receipt() -> None:
    add_all(given=["a"])
    assert add_all(once=Told(), given=["b", "a", "c"], refuse=True) is TAKEN
    assert names() == ["a", "refusal stored", "refused"]
    assert add_all(once=Told(), given=["e"], refuse=True) == "done"
    assert names() == ["a", "e", "refusal stored", "refused", "stored done"]


def test_refusal_before_anything_was_sent_keeps_the_receipt() -> None:
    @use_case
    def refused(*, now: datetime) -> None:
        add("never")
        raise TAKEN

    assert refused(once=Told()) is TAKEN
    assert names() == ["refusal stored", "refused"]


def test_hooks_of_an_undone_effect_are_forgotten() -> None:
    from django.db import transaction

    told: list[str] = []

    @use_case
    def hooked(*, now: datetime, fail: bool) -> str:
        transaction.on_commit(lambda: told.append("committed"))
        db.run("SELECT 1")
        if fail:
            raise TAKEN
        return "done"

    hooked(once=Told(), fail=True)
    assert told == []
    hooked(once=Told(), fail=False)
    assert told == ["committed"]


def test_statements_are_planned_once_a_connection() -> None:
    add_all(given=["a"])
    add_all(given=["b"])
    [(count,)] = db.run("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'INSERT INTO clients_group%'")
    assert count == 1


READ = flights.Statement("SELECT count(*) FROM clients_group", ())


def count() -> int:
    return int(flights.fly([READ])[0][0][0])


def test_what_is_read_first_travels_with_the_instant_and_is_found_once() -> None:
    @use_case(ahead=lambda **_: [READ])
    def body(*, now: datetime) -> tuple[int, int]:
        return count(), count()

    connection.ensure_connection()
    before = flights.flights
    assert body() == (0, 0)
    assert flights.flights == before + 3  # the instant with the read; the second read; COMMIT


def test_what_was_read_ahead_is_forgotten_as_soon_as_anything_else_is_sent() -> None:
    @use_case(ahead=lambda **_: [READ])
    def written(*, now: datetime) -> int:
        add("a")
        return count()

    @use_case(ahead=lambda **_: [READ])
    def written_and_sent(*, now: datetime) -> int:
        Group(id=ids.uuid7(), name="b").save(force_insert=True)
        return count()

    assert (written(), written_and_sent()) == (1, 2)


@use_case
def add_in_the_air(*, now: datetime, given: list[str], then: BaseException | None = None, refuse: bool = False) -> str:
    for name in given:
        add(name, refuse={"clients_group_name_key": TAKEN} if refuse else None)
        flights.set_off()
    if then is not None:
        raise then
    return "done"


def test_what_has_set_off_is_of_the_flight_that_follows() -> None:
    connection.ensure_connection()
    before = flights.flights
    add_in_the_air(given=["a", "b", "c"])
    assert flights.flights == before + 2
    assert names() == ["a", "b", "c"]


def test_the_server_works_on_what_has_set_off_and_the_orm_waits_for_it() -> None:
    @use_case
    def body(*, now: datetime) -> tuple[int, list[str]]:
        add("a")
        flights.set_off()
        add("b")
        return Group.objects.count(), names()

    assert body() == (2, ["a", "b"])


def test_what_has_set_off_is_done_while_nobody_waits_for_it() -> None:
    def is_held() -> bool:
        return bool(superuser().execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711").fetchall())

    @use_case
    def body(*, now: datetime) -> bool:
        db.send("SELECT pg_advisory_xact_lock(4711)", ())
        flights.set_off()
        end = time.monotonic() + 30
        while not is_held() and time.monotonic() < end:
            time.sleep(0.01)
        return is_held()

    assert body()


def test_a_breach_in_the_air_is_told_by_what_waits_for_it() -> None:
    add_in_the_air(given=["a"])
    with pytest.raises(IntegrityError):
        add_in_the_air(given=["b", "a", "c"])
    assert names() == ["a"]
    assert add_in_the_air(once=Told(), given=["b", "a", "c"], refuse=True) is TAKEN
    assert names() == ["a", "refusal stored", "refused"]
    assert add_in_the_air(once=Told(), given=["e"], refuse=True) == "done"


@pytest.mark.parametrize("given", [["b"], ["b", "a"]])
def test_a_refusal_undoes_what_is_in_the_air_whatever_became_of_it(given: list[str]) -> None:
    add_in_the_air(given=["a"])
    assert add_in_the_air(once=Told(), given=given, then=TAKEN) is TAKEN
    assert names() == ["a", "refusal stored", "refused"]


def test_whatever_ends_a_use_case_its_connection_is_good_and_not_another_one() -> None:
    before = db.one("SELECT pg_backend_pid()")
    for no in (ValueError("no"), KeyboardInterrupt()):
        with pytest.raises(type(no)):
            add_in_the_air(given=["a", "b"], then=no)
        with pytest.raises(type(no)):
            add_in_the_air(given=["a", "a"], then=no)  # one has failed in the air, and nobody has asked
    assert (db.one("SELECT pg_backend_pid()"), names()) == (before, [])
    add_in_the_air(given=["a"])
    assert names() == ["a"]


def test_who_failed_in_the_air_is_told_though_nobody_asked() -> None:
    told: list[str] = []

    @use_case
    def body(*, now: datetime) -> None:
        for number in ("first", "second"):
            add("a", failed=partial(told.append, number))
            flights.set_off()
        raise TAKEN

    with pytest.raises(Conflict):
        body()
    assert told == ["first", "second"], "what any of them remembers may be wrong now"


def test_parameters_that_cannot_be_written_down_bring_down_what_is_in_the_air() -> None:
    @use_case
    def body(*, now: datetime) -> None:
        add("a")
        flights.set_off()
        db.run("SELECT %s", (object(),))

    with pytest.raises(Exception, match="adapt"):
        body()
    assert names() == []


WAITING = flights.Statement("SELECT 1 FROM (SELECT pg_advisory_xact_lock(4712)) AS held", ())
BAD = flights.Statement("SELECT 1 / 0", ())


def test_reads_ahead_are_read_as_they_arrive() -> None:
    seen: list[int] = []

    @use_case(ahead=lambda **_: [READ, WAITING, BAD])
    def body(*, now: datetime) -> None:
        seen.append(count())
        superuser().execute("SELECT pg_advisory_unlock(4712)")  # the second waits for who has read the first
        flights.fly([WAITING])
        seen.append(1)
        flights.fly([BAD])

    superuser().execute("SELECT pg_advisory_lock(4712)")
    try:
        with pytest.raises(Exception, match="division"):
            body()
    finally:
        superuser().execute("SELECT pg_advisory_unlock_all()")
    assert seen == [0, 1]
    assert names() == []


def test_a_read_ahead_that_failed_is_told_even_where_nobody_asks_for_it() -> None:
    @use_case(ahead=lambda **_: [READ, BAD])
    def written(*, now: datetime) -> int:
        found = count()
        add("a")
        return found

    @use_case(ahead=lambda **_: [READ, BAD])
    def refused(*, now: datetime) -> None:
        count()
        raise TAKEN

    with pytest.raises(Exception, match="division"):
        written()
    with pytest.raises(Exception, match="division"):
        refused(once=Told())
    assert names() == []


def fails() -> None:
    raise TAKEN


def test_what_is_done_meanwhile_fails_and_the_flight_has_landed_in_and_outside_of_a_use_case() -> None:
    @use_case
    def body(*, now: datetime) -> list[str]:
        add("a")
        with pytest.raises(Conflict):
            flights.fly([READ], meanwhile=fails)
        return names()

    connection.ensure_connection()
    before = db.one("SELECT pg_backend_pid()")
    with pytest.raises(Conflict):
        flights.fly([READ, BAD], meanwhile=fails)
    assert body() == ["a"]
    assert db.one("SELECT pg_backend_pid()") == before


def test_what_is_to_be_done_meanwhile_is_done_though_nothing_has_to_be_sent() -> None:
    done: list[int] = []

    @use_case(ahead=lambda **_: [READ])
    def body(*, now: datetime) -> int:
        flights.fly([READ], meanwhile=lambda: done.append(1))
        return count()

    assert body() == 0
    assert flights.fly([], meanwhile=lambda: done.append(2)) == []
    assert done == [1, 2]
