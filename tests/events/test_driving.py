"""Subscribers get every event in commit order, at least once, and what they make of it commits with their place."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

import pytest

from apps.core import db, ids
from apps.core.unit import use_case
from apps.events import operations as events
from apps.events import queries
from apps.events.models import Event
from apps.events.operations import MAX_TRIES, Subscriber
from apps.jobs import events as jobs
from apps.workflows.deliver_events import deliver_event
from tests.commits import wait_for_readers
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)


class Reader:
    """Writes a group named after each event into the database, in the delivering transaction."""

    def __init__(self) -> None:
        self.fails: dict[str, int] = {}
        self.calls: list[str] = []

    def handle(self, *, event: Event, now: datetime) -> None:
        word = event.house["word"]
        self.calls.append(word)
        db.run("INSERT INTO clients_group (id, name) VALUES (%s, %s)", (ids.uuid7(), word))
        if self.fails.get(word, 0) > 0:
            self.fails[word] -= 1
            raise RuntimeError(f"cannot take {word}\x00")


READER = Reader()


def hand_over(*, event: Event, now: datetime) -> None:
    READER.handle(event=event, now=now)


ALL = Subscriber(kinds=None, handle=hand_over)
SOME = Subscriber(kinds=frozenset({"word.said"}), handle=hand_over)


@pytest.fixture(autouse=True)
def _reader(settings: object) -> Iterator[None]:
    settings.SUBSCRIBERS = {"all": "tests.events.test_driving.ALL", "some": "tests.events.test_driving.SOME"}  # type: ignore[attr-defined]
    READER.__dict__.clear()
    READER.__init__()  # type: ignore[misc]
    yield


@use_case
def say(*, words: list[str], kind: str = "word.said", now: datetime) -> None:
    for word in words:
        events.record(kind, subject_type="word", subject_id=UUID(int=1), house={"word": word})


def drive(subscriber: str, limit: int = 500) -> int:
    wait_for_readers()
    return jobs.drive(subscriber, limit)


def drive_all() -> dict[str, int]:
    wait_for_readers()
    return jobs.drive_all()


def kept() -> list[str]:
    return [row[0] for row in db.run("SELECT name FROM clients_group ORDER BY id")]


def test_events_come_once_each_in_order_with_what_was_made_of_them() -> None:
    say(words=["a", "b"])
    say(words=["c"])
    assert drive("all") == 3
    assert drive("all") == 0
    say(words=["d"])
    assert drive("all") == 1
    assert kept() == READER.calls == ["a", "b", "c", "d"]


def test_a_limit_leaves_the_rest_for_the_next_tick() -> None:
    say(words=list("abcde"))
    assert [drive("all", limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert kept() == list("abcde")


def test_kinds_that_a_subscriber_does_not_read_are_passed_over() -> None:
    say(words=["x"], kind="other.said")
    say(words=["a"])
    say(words=["y", "z"], kind="other.said")
    assert drive("some") == 4
    assert READER.calls == ["a"]
    say(words=["y"], kind="other.said")
    assert drive("some") == 1
    assert drive("some") == 0


def test_each_subscriber_has_its_own_place() -> None:
    say(words=["a"])
    assert drive_all() == {"all": 1, "some": 0}, "the second one's event cannot be kept twice"
    assert READER.calls == ["a", "a"]
    assert [cursor.failures for cursor in queries.list_cursors()] == [0, 1]
    assert {cursor.subscriber: cursor.position for cursor in queries.list_cursors()}.keys() == {"all", "some"}


def test_a_failed_event_holds_back_what_is_behind_it_and_comes_again() -> None:
    say(words=["a", "b", "c"])
    READER.fails["b"] = 2
    assert drive("all") == 1
    assert kept() == ["a"], "what the failed try wrote is gone"
    [cursor] = queries.list_cursors()
    assert (cursor.failures, cursor.last_error) == (1, "RuntimeError: cannot take b")
    assert drive("all") == 0
    assert drive("all") == 2
    assert kept() == ["a", "b", "c"]
    [cursor] = queries.list_cursors()
    assert cursor.failures == 0
    assert queries.list_failures() == []


def test_an_event_that_never_succeeds_is_set_aside_and_the_rest_goes_on() -> None:
    say(words=["a", "b", "c"])
    READER.fails["b"] = 99
    assert [drive("all") for _ in range(MAX_TRIES)] == [1, *[0] * (MAX_TRIES - 2), 2]
    assert kept() == ["a", "c"]
    assert READER.calls.count("b") == MAX_TRIES
    [failure] = queries.list_failures()
    assert (failure.subscriber, failure.event.house["word"], failure.error) == ("all", "b", "RuntimeError: cannot take b")
    assert drive("all") == 0


def test_a_failure_while_committing_is_counted_too() -> None:
    from apps.core import unit

    def late(*, event: Event, now: datetime) -> None:
        unit.last(unit.BALANCES, lambda: 1 // 0)

    READER.handle = late  # type: ignore[method-assign]
    say(words=["a"])
    assert drive("all") == 0
    assert queries.list_cursors()[0].last_error.startswith("ZeroDivisionError")


def test_one_subscriber_that_cannot_be_loaded_does_not_keep_the_others(settings: object) -> None:
    settings.SUBSCRIBERS = {"gone": "tests.nowhere.GONE", "all": "tests.events.test_driving.ALL"}  # type: ignore[attr-defined]
    say(words=["a"])
    assert drive_all() == {"all": 1}


def test_eight_workers_at_once_hand_each_event_over_once() -> None:
    say(words=[f"w{n:02d}" for n in range(30)])
    wait_for_readers()
    found = together(8, lambda _: [jobs.drive("all") for _ in range(4)])
    assert not [one for one in found if isinstance(one, Exception)], found
    while drive("all"):
        pass
    assert sorted(kept()) == [f"w{n:02d}" for n in range(30)]
    assert sorted(READER.calls) == sorted(kept()), "the winner alone was asked"


def test_a_place_that_moved_meanwhile_delivers_nothing() -> None:
    say(words=["a", "b"])
    wait_for_readers()
    cursor, batch = queries.list_next("all", 10)
    start = (cursor.era, cursor.xid, cursor.position)
    assert deliver_event(subscriber="all", event=batch[0], after=start) is True
    assert deliver_event(subscriber="all", event=batch[0], after=start) is False
    assert kept() == ["a"]


def test_an_event_behind_a_running_transaction_waits_for_it() -> None:
    """Ids and positions are given before commits: a reader that passed over a running writer would lose its event."""
    import threading

    inside, go_on = threading.Event(), threading.Event()

    @use_case
    def slow(*, now: datetime) -> None:
        db.run("SELECT pg_current_xact_id()")
        inside.set()
        assert go_on.wait(timeout=60)
        events.record("word.said", subject_type="word", subject_id=UUID(int=1), house={"word": "slow"})

    def write() -> None:
        from django.db import connections

        slow()
        connections.close_all()

    thread = threading.Thread(target=write)
    thread.start()
    assert inside.wait(timeout=60)
    say(words=["quick"])
    moved = jobs.drive("all")
    go_on.set()
    thread.join(timeout=60)
    assert moved == 0, "the quick one began later and waits"
    assert drive("all") == 2
    assert kept() == ["slow", "quick"]
