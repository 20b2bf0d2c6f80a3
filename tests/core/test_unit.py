"""One use case, one transaction: nesting, refusals, what is put off."""

from datetime import datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection

from apps.core import clock, db, ids, unit
from apps.core.errors import Busy, Conflict, Forbidden, NotFound, Rejected
from apps.core.unit import step, use_case
from apps.events import operations as events
from tests import world

pytestmark = pytest.mark.django_db(transaction=True)
CLIENT = ids.uuid7()


class No(Rejected):
    code = "no_in_a_test"


class Gone(Conflict):
    code = "gone_in_a_test"


class Kept:
    """An idempotency key as floor 9 makes it, on a plain dictionary."""

    def __init__(self, stored: Any = None) -> None:
        self.old, self.log, self.brought = stored, [], {}

    def begin(self) -> datetime:
        self.log.append("begin")
        return clock.desk_now()

    def stored(self) -> Any:
        return self.old

    def store(self, result: Any) -> Any:
        self.log.append(f"store {result}")
        note("receipt")
        return f"answer {result}"

    def refuse(self, no: Exception) -> None:
        self.log.append("refuse")
        events.record("rfq.refused", subject_type="rfq", subject_id=CLIENT, house={"code": getattr(no, "code", "")})

    def store_refusal(self, no: Exception) -> Any:
        self.log.append("store_refusal")
        note("refusal")
        return f"refused {getattr(no, 'code', '')}"


def note(word: str) -> None:
    db.run("INSERT INTO clients_group (id, name) VALUES (%s, %s)", (ids.uuid7(), word))


def notes() -> set[str]:
    return {row[0] for row in db.run("SELECT name FROM clients_group")}


def kinds() -> list[str]:
    return [row[0] for row in db.run("SELECT kind FROM events_event ORDER BY position")]


@use_case
def write(*, word: str, then: Exception | None = None, late: Exception | None = None, now: datetime) -> str:
    note(word)
    events.record("thing.written", subject_type="thing", subject_id=CLIENT)
    if late is not None:
        unit.last(unit.BALANCES, lambda: raising(late))
    if then is not None:
        raise then
    return word


def raising(no: Exception) -> None:
    raise no


def test_a_use_case_inside_a_use_case_is_refused_and_nothing_is_written() -> None:
    @use_case
    def outer(*, now: datetime) -> None:
        note("outer")
        write(word="inner")

    with pytest.raises(RuntimeError, match="cannot be nested"):
        outer()
    assert notes() == set()
    assert write(word="after") == "after", "the mark of the outer one is gone"


def test_a_step_outside_a_use_case_is_refused() -> None:
    @step
    def verb(*, word: str) -> None:
        note(word)

    with pytest.raises(RuntimeError, match="inside a use case"):
        verb(word="alone")
    with pytest.raises(RuntimeError, match="inside a use case"):
        events.record("thing.written", subject_type="thing", subject_id=CLIENT)
    assert notes() == set()


def test_now_is_the_desk_clock_and_callers_do_not_pass_it() -> None:
    clock.freeze_desk(world.NOON)

    @use_case
    def tell(*, now: datetime) -> datetime:
        return now

    assert tell() == world.NOON
    with pytest.raises(TypeError):
        tell(now=world.NOON)


@pytest.mark.parametrize("no", [No(), Gone()])
def test_a_refusal_undoes_the_effect_and_keeps_the_answer_with_its_event(no: Exception) -> None:
    once = Kept()
    assert write(once=once, word="effect", then=no) == f"refused {no.code}"  # type: ignore[attr-defined]
    assert notes() == {"refusal"}
    assert kinds() == ["rfq.refused"], "the event of the effect went with it"
    assert once.log == ["begin", "refuse", "store_refusal"]


def test_a_refusal_of_the_last_statement_undoes_the_effect_and_its_receipt_too() -> None:
    once = Kept()
    assert write(once=once, word="effect", late=No()) == "refused no_in_a_test"
    assert notes() == {"refusal"}
    assert kinds() == ["rfq.refused"]


@pytest.mark.parametrize("wrong", [NotFound(), Forbidden(), Busy(), ValueError("a bug")])
def test_all_else_rolls_back_whole_and_stores_nothing(wrong: Exception) -> None:
    with pytest.raises(type(wrong)):
        write(once=Kept(), word="effect", then=wrong)
    assert notes() == set()
    assert kinds() == []


def test_without_a_key_a_refusal_is_raised_and_nothing_stays() -> None:
    with pytest.raises(No):
        write(word="effect", then=No())
    assert notes() == set()


def test_a_known_answer_is_given_without_doing_it_again() -> None:
    assert write(once=Kept("as before"), word="again") == "as before"
    assert notes() == set()


def test_what_is_put_off_runs_by_rank_then_in_its_order_with_the_answer_between() -> None:
    order: list[str] = []

    class Listening(Kept):
        def store(self, result: Any) -> Any:
            order.append("answer")
            return result

    @use_case
    def body(*, now: datetime) -> str:
        unit.last(unit.BALANCES, lambda: order.append("balance one"))
        unit.last(unit.EVENTS, lambda: order.append("event one"))
        unit.last(unit.BALANCES, lambda: order.append("balance two"))
        unit.last(unit.EVENTS, lambda: (order.append("event two"), unit.last(unit.EVENTS, lambda: order.append("an event's own"))))
        order.append("body")
        return "done"

    body(once=Listening())
    assert order == ["body", "event one", "event two", "an event's own", "answer", "balance one", "balance two"]


def test_a_bag_is_flushed_once_with_all_its_items() -> None:
    flushed: list[list[int]] = []

    @use_case
    def body(*, now: datetime) -> None:
        for number in range(3):
            unit.bag(unit.EVENTS, "numbers", number, flushed.append)

    body()
    assert flushed == [[0, 1, 2]]


def test_a_use_case_inside_an_open_transaction_is_refused() -> None:
    from django.db import transaction

    with pytest.raises(RuntimeError), transaction.atomic():
        write(word="inside")
    assert notes() == set()


def test_a_database_refusal_leaves_a_usable_connection() -> None:
    @use_case
    def twice(*, now: datetime) -> None:
        note("same")
        note("same")

    with pytest.raises(IntegrityError):
        twice()
    assert not connection.in_atomic_block
    assert notes() == set()
