"""Two workers at once do what one does."""

import threading
from collections.abc import Callable
from decimal import Decimal as D
from typing import Any

import pytest
from django.db import connection

from apps.core import db
from apps.core.actor import SYSTEM
from apps.core.errors import AppError
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.models import RailCursor, Receipt
from apps.settlement.operations import receipts
from apps.settlement.rails.files.table import COLUMNS
from apps.settlement.rules.rail import Incoming
from apps.workflows.decide_approval import decide_approval
from apps.workflows.import_statement import import_statement
from apps.workflows.read_statement import see_incoming
from apps.workflows.request_release import request_release
from apps.workflows.transfer_balance import announce_deposit, approve_withdrawal, cancel_deposit, request_withdrawal
from tests import world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
WAITING = 0.5  # time enough to come to a lock; without one the test is not wrong, only blind


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Run them together; what each gave, a refusal as its class's name."""
    ready, out = threading.Barrier(len(acts)), [None] * len(acts)

    def run(i: int, act: Callable[[], object]) -> None:
        ready.wait()
        try:
            out[i] = act()  # type: ignore[call-overload]
        except AppError as no:
            out[i] = type(no).__name__  # type: ignore[call-overload]
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(i, act)) for i, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return out  # type: ignore[return-value]


def test_four_sweeps_freeze_one_set() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    for _ in range(3):
        here.deal(acme, Side.BUY, "1")
    here.at(here.CUTOFF, seconds=10)
    at_once(*[jobs.freeze_due] * 4)
    (net_set,) = settlement.list_net_sets(SYSTEM)
    assert (net_set.attempt, net_set.status) == (1, "FROZEN")
    assert db.one("SELECT count(*) FROM settlement_instruction") == (2,)


def test_four_readers_book_each_statement_line_and_match_each_receipt_once() -> None:
    here.open_house("USD", "BTC")
    cygnus = world.firm("cygnus", mode="PREFUNDED", instructions=here.CYGNUS)
    for n in range(1, 9):
        here.pay_in("USD", D(n), name="Cygnus Capital", address="021000021-3001")

    def read() -> None:
        jobs.poll_rails()
        jobs.match_receipts()

    at_once(*[read] * 4)
    read()  # what one of them left because another was faster
    assert db.one("SELECT count(*), sum(amount) FROM settlement_statementline") == (8, D(36))
    assert here.balances()["CLIENT_BALANCE USD"] == D(-36)
    assert settlement.list_deposits(cygnus.treasury).count() == 8


def test_a_deposit_that_comes_as_it_is_cancelled_is_one_of_both() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme", members=here.THREE_PEOPLE)
    made = announce_deposit(actor=acme.treasury, account_id=acme.account.id, asset="USD", amount=D(10))
    here.pay_in("USD", D(10), name="Acme Capital", address="021000021-1001")
    jobs.poll_rails()
    _, said = at_once(jobs.match_receipts, lambda: str(cancel_deposit(actor=acme.treasury, deposit_id=made.id).status))
    jobs.match_receipts()
    ended = ((d.status, r.status) for d, r in zip(settlement.list_deposits(SYSTEM), settlement.list_receipts(SYSTEM), strict=True))
    assert list(ended) == [("CANCELLED", "CLEARED") if said == "CANCELLED" else ("CREDITED", "MATCHED")]
    assert said in {"CANCELLED", "IllegalMove"}


def test_two_checkers_at_once_release_once() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    here.deal(acme, Side.BUY, "1")
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    here.at(here.VALUE_DAY)
    jobs.agree_due()
    jobs.review_queue()
    asked = request_release(actor=here.staff("olga", "operations"), instruction_ids=[here.only("READY").id])
    checkers = [here.staff(name, "operations") for name in ("oscar", "otto")]
    out = at_once(*[lambda who=who: decide_approval(approval_id=asked.id, actor=who, approve=True).status for who in checkers])  # type: ignore[misc]
    assert sorted(map(str, out)) == ["EXECUTED", "IllegalMove"]
    assert db.one("SELECT count(*) FROM events_event WHERE kind = 'instruction.released'") == (1,)


def test_two_approvals_at_once_never_hold_more_than_there_is() -> None:
    cygnus = here.prefunded(D(100))
    asked = [
        request_withdrawal(actor=cygnus.treasury, account_id=cygnus.account.id, asset="USD", amount=D(60), client_reference=f"w{n}")
        for n in range(3)
    ]
    controller = world.actor_of(cygnus.account, "Controller")
    out = at_once(*[lambda one=one: str(approve_withdrawal(actor=controller, withdrawal_id=one.id).status) for one in asked])  # type: ignore[misc]
    assert sorted(map(str, out)) == ["HELD", "InsufficientBalance", "InsufficientBalance"]
    assert db.one("SELECT held FROM ledger_ledgeraccount WHERE kind = 'CLIENT_BALANCE' AND asset_code = 'USD'") == (D(60),)


def test_a_callback_of_several_and_a_statement_wait_for_each_other_one_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both come to a receipt that is known and to one that is new, in the other order."""
    ours = here.open_house("EUR")["EUR"]
    jobs.poll_rails()
    new, known, *others = [Incoming(f"R-{n}", D(n), "Somebody", "", "", world.NOON, 0) for n in (1, 2, 3, 4)]
    see_incoming(nostro_id=ours.id, incoming=[known])
    rows, balance = [], RailCursor.objects.get().balance
    for one in (known, *others):
        balance += one.amount
        rows.append(f"{ours.address},EUR,,2026-09-15,{one.reference},RECEIPT,{one.amount},{balance},,Somebody,,")
    content = "\n".join([",".join(COLUMNS), *rows]).encode()
    born, made_one, met = receipts._born, threading.Event(), threading.Event()

    def meet(*args: Any) -> Any:
        if not made_one.is_set():  # the callback holds what it makes now, and has not come to what is known
            made_one.set()
            met.wait(WAITING)
        return born(*args)

    def take_in() -> Any:
        assert made_one.wait(60)
        try:
            return import_statement(content=content)[0].new
        finally:
            met.set()

    monkeypatch.setattr(receipts, "_born", meet)
    seen, taken = at_once(lambda: len(see_incoming(nostro_id=ours.id, incoming=[new, known])), take_in)
    assert (seen, taken) == (1, 3)
    assert dict(Receipt.objects.values_list("rail_reference", "status")) == {"R-1": "SEEN"} | dict.fromkeys(("R-2", "R-3", "R-4"), "FINAL")
