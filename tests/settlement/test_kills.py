"""kill -9 between any two steps of a payment: it is paid once, whatever was lost, and the next workers finish it.

The worker is a process of its own (a fork without threads) that kills itself at the step; then others sweep until nothing moves.
"""

import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal as D
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from django.db import connections, transaction

from apps.core import clock, db
from apps.core.actor import SYSTEM
from apps.jobs import chains
from apps.jobs import settlement as jobs
from apps.ledger import operations as ledger
from apps.settlement import queries as settlement
from apps.settlement.models import Instruction
from apps.settlement.rails import outside
from apps.settlement.rails.chain import ChainSimulator
from apps.settlement.rails.custody_sim import CustodianSimulator
from apps.settlement.rules import custody
from apps.workflows import hear_rail, send_payment
from apps.workflows.decide_approval import decide_approval
from apps.workflows.replace_transaction import request_replacement
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
FEE = D("0.00005")


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def before(target: Any, name: str) -> Any:
    return patch.object(target, name, die)


def after(target: Any, name: str) -> Any:
    real = getattr(target, name)

    def run(*a: Any, **kw: Any) -> None:
        real(*a, **kw)
        die()

    return patch.object(target, name, run)


@contextmanager
def at_commit(case: str, moment: str, where: Any = jobs) -> Iterator[None]:
    """Killed right before or right after the commit of the use case `case` of the jobs."""
    real = getattr(where, case)
    commit = transaction.Atomic.__exit__

    def run(**kw: Any) -> Any:
        def leave(self: Any, *a: Any) -> Any:
            if self.durable and moment == "before":
                die()
            return commit(self, *a)

        with patch.object(transaction.Atomic, "__exit__", leave):
            done = real(**kw)
        die()
        return done

    with patch.object(where, case, run):
        yield


STEPS: dict[str, tuple[Callable[[], Any], Callable[[], object]]] = {
    "before the intent is committed": (lambda: at_commit("begin_sending", "before"), jobs.send_released),
    "after the intent, before the rail is called": (lambda: at_commit("begin_sending", "after"), jobs.send_released),
    "as the rail is called": (lambda: before(ChainSimulator, "send"), jobs.send_released),
    "after the rail has it, before its answer": (lambda: after(ChainSimulator, "send"), jobs.send_released),
    "before the answer is recorded": (lambda: before(jobs, "record_answer"), jobs.send_released),
    "while the answer is posted": (lambda: after(ledger, "post"), jobs.send_released),
    "before the answer is committed": (lambda: at_commit("record_answer", "before"), jobs.send_released),
    "after the answer is committed": (lambda: at_commit("record_answer", "after"), jobs.send_released),
    "before the statement line is read": (lambda: before(jobs, "read_line"), jobs.poll_rails),
    "before the statement line is committed": (lambda: at_commit("read_line", "before"), jobs.poll_rails),
    "after the statement line is committed": (lambda: at_commit("read_line", "after"), jobs.poll_rails),
}


def told_by_callback() -> None:
    """The custodian's messages come as they would over its door."""
    messages = CustodianSimulator().callbacks(here.place("BTC"), now=clock.desk_now())
    for message_id, body in messages:
        hear_rail.hear_withdrawal(rail="bitcoin-btc", said=custody.read_withdrawal(orjson.loads(body)["data"]), message=message_id)


AT_A_CUSTODIAN: dict[str, tuple[Callable[[], Any], Callable[[], object]]] = {
    "as the custodian is called": (lambda: before(CustodianSimulator, "send"), jobs.send_released),
    "after the custodian has it, before its answer": (lambda: after(CustodianSimulator, "send"), jobs.send_released),
    "before its answer is committed": (lambda: at_commit("record_answer", "before"), jobs.send_released),
    "after its answer is committed": (lambda: at_commit("record_answer", "after"), jobs.send_released),
    "as it is asked where the payment stands": (lambda: after(CustodianSimulator, "follow"), jobs.follow_sent),
    "before its word is committed": (lambda: at_commit("record_answer", "before"), jobs.follow_sent),
    "before a callback is committed": (lambda: at_commit("hear_withdrawal", "before", hear_rail), told_by_callback),
    "after a callback is committed": (lambda: at_commit("hear_withdrawal", "after", hear_rail), told_by_callback),
    "before its statement line is committed": (lambda: at_commit("read_line", "before"), jobs.poll_rails),
}


def in_a_worker(killed: Any, sweep: Callable[[], object]) -> int:
    """The signal that ended it; zero where it got to its end."""
    connections.close_all()
    connections["default"].close_pool()
    outside._client.cache_clear()
    pid = os.fork()
    if pid == 0:
        try:
            with killed:
                sweep()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    outside._client.cache_clear()
    return -ended


def payments() -> list[Instruction]:
    return list(settlement.list_instructions(SYSTEM).filter(direction="PAY").order_by("attempt"))


@pytest.fixture
def released() -> None:
    """1 BTC is released to a client on its value date."""
    here.owing()
    assert here.release(payments()[0].id, maker=here.staff("olga", "operations"), checker=here.staff("oscar", "operations")) == "EXECUTED"


@pytest.mark.parametrize("step", STEPS)
def test_a_payment_killed_at_any_step_is_paid_once(step: str, released: None) -> None:
    killed, sweep = STEPS[step]
    if sweep is jobs.poll_rails:
        jobs.send_released()
        here.at(here.VALUE_DAY, hours=1)
    assert in_a_worker(killed(), sweep) == signal.SIGKILL, "it was not killed: the step is not on its way"
    settle_what_is_left()
    assert [one.status for one in payments()][-1] == "SETTLED"
    assert {one.status for one in payments()[:-1]} <= {"FAILED"}
    paid = outside.change(here.place("BTC"), lambda doc: [one for one in doc["payments"].values() if one["outcome"] == "ACCEPTED"])
    assert len(paid) == 1
    assert here.balances()["NOSTRO BTC"] == D(999) - FEE
    assert "IN_TRANSIT BTC" not in here.balances()


@pytest.mark.parametrize("outcome", [pytest.param("OK"), pytest.param("POLICY", marks=pytest.mark.drill)])
@pytest.mark.parametrize("step", [one if "callback" in one else pytest.param(one, marks=pytest.mark.drill) for one in AT_A_CUSTODIAN])
def test_a_payment_through_a_custodian_killed_at_any_step_is_paid_once(step: str, outcome: str, released: None, settings: Any) -> None:
    settings.RAILS = {**settings.RAILS, "bitcoin-btc": "apps.settlement.rails.custody_sim.CustodianSimulator"}
    killed, sweep = AT_A_CUSTODIAN[step]
    outside.script(here.place("BTC"), outcome)
    if sweep is not jobs.send_released:
        jobs.send_released()
        here.at(here.VALUE_DAY, minutes=3)
    if sweep is jobs.poll_rails:
        here.at(here.VALUE_DAY, hours=1)
    ended = in_a_worker(killed(), sweep)
    assert ended == (signal.SIGKILL if sweep is not jobs.poll_rails or outcome == "OK" else 0), "it was not killed"
    settle_what_is_left(until=9)
    assert [one.status for one in payments()][-1] == "SETTLED"
    assert {one.status for one in payments()[:-1]} <= {"FAILED"}
    paid = outside.change(here.place("BTC"), lambda doc: [line["amount"] for line in doc["lines"] if line["kind"] == "PAYMENT"])
    assert paid == ["-1"]
    assert here.balances()["NOSTRO BTC"] == D(999) - FEE
    assert "IN_TRANSIT BTC" not in here.balances()


OF_A_REPLACEMENT: dict[str, Callable[[], Any]] = {
    "after the intent": lambda: at_commit("begin_replacing", "after", chains),
    "as the chain is called": lambda: before(ChainSimulator, "replace"),
    "after the chain has it": lambda: after(ChainSimulator, "replace"),
    "before the answer is committed": lambda: at_commit("record_replacement", "before", chains),
    "after the answer is committed": lambda: at_commit("record_replacement", "after", chains),
}


@pytest.mark.drill
@pytest.mark.parametrize("step", OF_A_REPLACEMENT)
def test_a_replacement_killed_at_any_step_is_the_same_transaction_and_pays_once(step: str, released: None) -> None:
    outside.script(here.place("BTC"), "STUCK")
    jobs.send_released()
    here.at(here.VALUE_DAY, hours=1)
    asked = request_replacement(actor=here.staff("otto", "operations"), instruction_id=payments()[0].id, fee=D("0.0002"), reason="x")
    decide_approval(approval_id=asked.id, actor=here.staff("oda", "operations"), approve=True)
    assert in_a_worker(OF_A_REPLACEMENT[step](), chains.send_replacements) == signal.SIGKILL
    db.run("UPDATE settlement_replacement SET sending_since = sending_since - interval '3 minutes'")
    for hour in (2, 3):
        chains.send_replacements()
        here.at(here.VALUE_DAY, hours=hour)
        jobs.run_all()
    assert [one.status for one in payments()] == ["SETTLED"]
    txs = outside.change(here.place("BTC"), lambda doc: [sorted(one["txs"]) for one in doc["payments"].values()])
    assert txs == [["2"]], "one replacement, whatever was lost"
    assert here.balances()["NOSTRO BTC"] == D(999) - D("0.0002")


def settle_what_is_left(until: int = 6) -> None:
    """Other workers go on; a new attempt is released afresh. Two minutes of wall time have passed for what the dead one left."""
    people = {"maker": here.staff("otto", "operations"), "checker": here.staff("oda", "operations")}
    for hour in range(2, until):
        db.run("UPDATE settlement_instruction SET sending_since = sending_since - interval '3 minutes' WHERE status = 'SENDING'")
        here.at(here.VALUE_DAY, hours=hour)
        jobs.run_all()
        for one in here.ready():
            here.release(one.id, **people)


def test_a_sender_that_was_held_up_for_long_does_not_pay_what_was_paid_meanwhile(released: None) -> None:
    (one,) = payments()
    payment = send_payment.begin_sending(instruction_id=one.id)
    assert payment is not None
    settle_what_is_left()
    assert [i.status for i in payments()] == ["FAILED", "SETTLED"]
    answer = ChainSimulator().send(here.place("BTC"), payment, now=here.VALUE_DAY)
    assert answer.outcome == "REJECTED"
    send_payment.record_answer(instruction_id=one.id, answer=answer)
    here.at(here.VALUE_DAY, hours=9)
    jobs.run_all()
    assert here.balances()["NOSTRO BTC"] == D(999) - FEE
