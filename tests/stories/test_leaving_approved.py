"""Worked case 5: a client is suspended between release and sending; another is frozen with a receipt in.

Every ledger line is here; debits are positive.
"""

from decimal import Decimal as D

import pytest

from apps.clients.errors import AccountUnavailable, StillOpen
from apps.clients.states import ClientStatus
from apps.core.actor import SYSTEM
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.errors import NotOverridable
from apps.settlement.models import Instruction, Receipt
from apps.workflows.change_status import lower_status, propose_status
from apps.workflows.decide_approval import decide_approval
from apps.workflows.read_statement import clear_receipt
from apps.workflows.request_release import request_release
from apps.workflows.settle_net_set import agree_net_set
from apps.workflows.transfer_balance import announce_deposit, request_withdrawal
from tests import books, deals, world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
S = ClientStatus
OWES = D("20009.41")
DEAL = {"CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000), "NOSTRO BTC": D(1000), "POSITION BTC": D(1), "PAYABLE BTC": D(-1)}


def agreed() -> world.Firm:
    """Acme has bought 1 BTC for 20,009.41 dollars and agreed the net set."""
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    here.deal(acme, Side.BUY, "1")
    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    (net_set,) = settlement.list_net_sets(SYSTEM)
    agree_net_set(net_set_id=net_set.id, actor=acme.treasury)
    here.at(here.VALUE_DAY)
    jobs.run_all()
    assert here.only("EXPECTED").amount == OWES
    return acme


def payment() -> Instruction:
    return Instruction.objects.get(direction="PAY")


def blockers() -> list[str]:
    return [b["code"] for b in settlement.list_decisions([payment().id])[0].blockers]


def pay(amount: D) -> None:
    here.pay_in("USD", amount, name="Acme Capital", address="021000021-1001", remittance=here.only("EXPECTED").end_to_end_id)


def test_case_5_a_client_is_suspended_between_release_and_sending() -> None:
    acme = agreed()
    assert here.release(payment().id) == "EXECUTED"
    assert payment().status == "RELEASED"
    before, told = books.count(), books.seen_by(acme, "instruction", "settlement", "net_set", "receipt", "trade")
    lower_status(actor=deals.person("rita", "risk"), client_id=acme.client_id, status=S.SUSPENDED, reason="late twice")
    assert (payment().status, payment().released_by, blockers()) == ("BLOCKED", None, ["CLIENT_SUSPENDED"]), "in that transaction"
    jobs.run_all()
    assert (payment().status, books.posted(before)) == ("BLOCKED", [])
    with pytest.raises(AccountUnavailable):
        request_withdrawal(actor=acme.treasury, account_id=acme.account.id, asset="USD", amount=D(1), client_reference="w1")

    # Its own leg comes all the same, is applied, and settles that side.
    pay(OWES)
    here.at(here.VALUE_DAY, hours=1)
    jobs.run_all()
    assert books.posted(before) == [
        "RECEIPT_FINAL NOSTRO USD 20009.41", "RECEIPT_FINAL SUSPENSE USD -20009.41",
        "RECEIPT_APPLIED SUSPENSE USD 20009.41", "RECEIPT_APPLIED RECEIVABLE USD -20009.41",
    ]  # fmt: skip
    assert here.balances() == DEAL | {"NOSTRO USD": D("10020009.41"), "POSITION USD": -OWES}
    assert (here.only("RECEIVED").asset_id, payment().status) == ("USD", "BLOCKED")

    # Compliance may let the debt be paid; here two people bring the client back, and two release it afresh.
    asked = propose_status(actor=deals.person("sam", "sales"), client_id=acme.client_id, status=S.RESTRICTED, reason="it has paid")
    decide_approval(approval_id=asked.id, actor=deals.person("cora", "compliance"), approve=True)
    jobs.run_all()
    assert (payment().status, payment().released_by) == ("READY", None), "RESTRICTED settles"
    assert here.release(payment().id) == "EXECUTED"
    jobs.run_all()
    here.at(here.VALUE_DAY, hours=2)
    jobs.run_all()
    fee = D("0.00005")
    assert books.posted(before)[4:] == [
        "PAYMENT_SENT PAYABLE BTC 1", "PAYMENT_SENT IN_TRANSIT BTC -1",
        "PAYMENT_BOOKED IN_TRANSIT BTC 1", "PAYMENT_BOOKED NOSTRO BTC -1",
        "CHARGE COST BTC 0.00005", "CHARGE NOSTRO BTC -0.00005",
    ]  # fmt: skip
    assert here.balances() == {
        "CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000), "COST BTC": fee, "NOSTRO BTC": D(999) - fee,
        "NOSTRO USD": D("10020009.41"), "POSITION BTC": D(1), "POSITION USD": -OWES,
    }  # fmt: skip
    assert settlement.get_net_set(settlement.list_net_sets(SYSTEM)[0].id, actor=SYSTEM).status == "SETTLED"
    after = books.seen_by(acme, "instruction", "settlement", "net_set", "receipt", "trade")[len(told) :]
    assert after == ["receipt.credited", "instruction.sent", "settlement.settled", "trade.settled", "instruction.settled"]
    books.proven()


def test_case_5_a_client_is_frozen_with_a_receipt_in() -> None:
    acme = agreed()
    assert here.release(payment().id) == "EXECUTED"
    # Its dollars are cleared and not applied yet; more will come; a second deal waits for its cut-off.
    here.deal(acme, Side.BUY, "2")
    pay(OWES)
    here.at(here.VALUE_DAY, minutes=30)
    jobs.poll_rails()
    (waiting,) = settlement.list_final()
    clear_receipt(receipt_id=waiting)
    before, told = books.count(), books.seen_by(acme, "instruction", "settlement", "net_set", "receipt", "deposit", "withdrawal", "ssi")
    lower_status(actor=deals.person("carl", "compliance"), client_id=acme.client_id, status=S.FROZEN, reason="on a list")

    assert (payment().status, payment().released_by) == ("BLOCKED", None)
    assert blockers() == ["FROZEN"]
    assert [(r.status, r.quarantine_reason) for r in Receipt.objects.all()] == [("FROZEN", "CLIENT_FROZEN")]
    blocked = ["RECEIPT_FROZEN SUSPENSE USD 20009.41", "RECEIPT_FROZEN BLOCKED USD -20009.41"]
    assert books.posted(before) == blocked

    # What comes later follows it, nothing is netted, matched, paid or overridden, whatever the sweeps do.
    here.pay_in("USD", D(500), name="Acme Capital", address="021000021-1001", remittance="more")
    here.at(here.CUTOFF, days=1, minutes=1)
    jobs.run_all()
    jobs.run_all()
    assert books.posted(before) == [
        *blocked,
        "RECEIPT_FINAL NOSTRO USD 500", "RECEIPT_FINAL SUSPENSE USD -500",
        "RECEIPT_FROZEN SUSPENSE USD 500", "RECEIPT_FROZEN BLOCKED USD -500",
    ]  # fmt: skip
    assert here.balances()["BLOCKED USD"] == D("-20509.41")
    assert settlement.list_net_sets(SYSTEM).count() == 1, "the second deal is not netted"
    assert here.only("EXPECTED").settled_amount == 0
    olga = deals.person("olga", "operations")
    with pytest.raises(NotOverridable):
        request_release(actor=olga, instruction_ids=[payment().id], overrides={"FROZEN": "the debt stands"})
    for refused in (
        lambda: announce_deposit(actor=acme.treasury, account_id=acme.account.id, asset="USD", amount=D(1)),
        lambda: request_withdrawal(actor=acme.treasury, account_id=acme.account.id, asset="USD", amount=D(1), client_reference="w1"),
    ):
        with pytest.raises(AccountUnavailable) as no:
            refused()
        assert no.value.code == "account_unavailable"
        assert "frozen" not in no.value.detail.lower()
    assert books.seen_by(acme, "instruction", "settlement", "net_set", "receipt", "deposit", "withdrawal", "ssi") == told, "told nothing"

    # It goes nowhere with all that open: the list says what.
    asked = propose_status(actor=deals.person("cora", "compliance"), client_id=acme.client_id, status=S.SUSPENDED, reason="another one")
    decide_approval(approval_id=asked.id, actor=deals.person("carl", "compliance"), approve=True)
    with pytest.raises(StillOpen) as left:
        lower_status(actor=deals.person("rita", "risk"), client_id=acme.client_id, status=S.OFFBOARDED, reason="x")
    assert [one for one in left.value.extra["open"] if "balance" not in one and "credit" not in one] == [
        "acme-main: 4 obligations", "acme-main: 1 net sets", "acme-main: 2 payments", "acme-main: 2 receipts",
    ]  # fmt: skip
    books.proven()
