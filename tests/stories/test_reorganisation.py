"""Worked case 9: a credited chain deposit is reorganised away after it was dealt on. Every ledger line is here; debits are positive.

Overdraft, call, restriction, cure; and the same reorganisation before the deposit was final, which leaves no line at all.
"""

from datetime import timedelta
from decimal import Decimal as D

import pytest

from apps.clients import queries as clients
from apps.core import clock, db
from apps.core.actor import SYSTEM
from apps.credit.models import ExposureCall
from apps.jobs import credit as credit_jobs
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.models import Deposit, Receipt
from apps.settlement.rails import outside
from tests import books, world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
FINAL = timedelta(hours=2)


def told(kind: str) -> int:
    return int(db.one("SELECT count(*) FROM events_event WHERE kind = %s AND public IS NOT NULL", (kind,))[0])


def deposit(amount: str) -> str:
    reference = here.pay_in("BTC", D(amount), name="Cygnus Capital", address="bc1qcygnus")
    jobs.run_all()
    return reference


def prefunded() -> world.Firm:
    here.open_house("USD", "BTC")
    return world.firm("cygnus", mode="PREFUNDED", members=here.THREE_PEOPLE, instructions=here.CYGNUS)


def test_a_deposit_already_dealt_on_is_reorganised_away_called_and_cured() -> None:
    firm = prefunded()
    before = books.count()
    reference = deposit("5")
    assert Receipt.objects.get().status == "SEEN"
    here.at(world.NOON + FINAL)
    jobs.run_all()
    assert books.entries(before) == [
        ("RECEIPT_FINAL", "NOSTRO BTC", D(5)), ("RECEIPT_FINAL", "SUSPENSE BTC", D(-5)),
        ("RECEIPT_APPLIED", "SUSPENSE BTC", D(5)), ("RECEIPT_APPLIED", "CLIENT_BALANCE BTC", D(-5)),
    ]  # fmt: skip
    assert (Receipt.objects.get().status, Deposit.objects.get().status) == ("MATCHED", "CREDITED")

    here.deal(firm, Side.SELL, "4")  # it deals on what was credited
    dollars = -here.balances()["CLIENT_BALANCE USD"]
    assert here.balances()["CLIENT_BALANCE BTC"] == D(-1)
    books.proven()

    before = books.count()
    outside.reorganise(here.place("BTC"), reference, at=clock.desk_now())
    jobs.run_all()
    assert books.entries(before) == [
        ("REVERSAL", "NOSTRO BTC", D(-5)), ("REVERSAL", "SUSPENSE BTC", D(5)),
        ("REVERSAL", "SUSPENSE BTC", D(-5)), ("REVERSAL", "CLIENT_BALANCE BTC", D(5)),
    ]  # fmt: skip
    assert db.one("SELECT count(*) FROM ledger_ledgertransaction WHERE kind = 'REVERSAL' AND reverses_id IS NOT NULL") == (2,)
    assert (Receipt.objects.get().status, Deposit.objects.get().status) == ("REVERTED", "REVERSED")
    assert here.balances() == {
        "CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000), "NOSTRO BTC": D(1000), "NOSTRO USD": D(10_000_000),
        "CLIENT_BALANCE BTC": D(4), "CLIENT_BALANCE USD": -dollars, "POSITION BTC": D(-4), "POSITION USD": dollars,
    }  # fmt: skip
    assert (told("receipt.reverted"), told("deposit.reversed")) == (1, 1)

    credit_jobs.watch_balances()
    (call,) = ExposureCall.objects.all()
    assert (call.currency, call.amount, call.status, call.account_id) == ("BTC", D(4), "ISSUED", firm.account.id)
    assert clients.get_counterparty(firm.account.owner_id).status == "RESTRICTED"
    books.proven()

    before = books.count()
    deposit("4")  # the cure
    here.at(clock.desk_now() + FINAL)
    jobs.run_all()
    assert books.entries(before) == [
        ("RECEIPT_FINAL", "NOSTRO BTC", D(4)), ("RECEIPT_FINAL", "SUSPENSE BTC", D(-4)),
        ("RECEIPT_APPLIED", "SUSPENSE BTC", D(4)), ("RECEIPT_APPLIED", "CLIENT_BALANCE BTC", D(-4)),
    ]  # fmt: skip
    assert "CLIENT_BALANCE BTC" not in here.balances()
    credit_jobs.watch_balances()
    assert ExposureCall.objects.get().status == "MET"
    assert clients.get_counterparty(firm.account.owner_id).status == "RESTRICTED", "two people bring it up again"
    books.proven()
    jobs.run_all()
    assert books.count() == before + 4, "a sweep that runs again posts nothing"


def test_a_reorganisation_before_it_was_final_leaves_no_line() -> None:
    prefunded()
    before = books.count()
    reference = deposit("5")
    outside.reorganise(here.place("BTC"), reference, at=clock.desk_now())
    here.at(world.NOON + FINAL)
    jobs.run_all()
    assert [one.status for one in settlement.list_receipts(SYSTEM)] == ["DROPPED"]
    assert books.count() == before
    assert not Deposit.objects.exists()


@pytest.mark.parametrize("both", [True, False])
def test_what_a_reverted_receipt_had_paid_is_expected_again(both: bool) -> None:
    """A credit client's net leg, paid by two transfers; one or both are taken back."""
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    here.deal(acme, Side.SELL, "2")
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    here.at(here.VALUE_DAY)
    jobs.run_all()
    expected = next(one for one in settlement.list_instructions(SYSTEM) if one.direction == "RECEIVE")
    address = world.INSTRUCTIONS["acme"][2].address
    first, second = (here.pay_in("BTC", D(part), name="Acme Capital", address=address) for part in ("1.5", "0.5"))
    jobs.run_all()
    here.at(here.VALUE_DAY + FINAL)
    jobs.run_all()
    expected.refresh_from_db()
    assert (expected.status, expected.settled_amount) == ("RECEIVED", D(2))
    owed = here.balances().get("RECEIVABLE BTC")
    assert owed is None
    for reference in (first, second) if both else (first,):
        outside.reorganise(here.place("BTC"), reference, at=clock.desk_now())
    jobs.run_all()
    expected.refresh_from_db()
    wanted = ("EXPECTED", D(0)) if both else ("PART_RECEIVED", D("0.5"))
    assert (expected.status, expected.settled_amount) == wanted
    assert here.balances()["RECEIVABLE BTC"] == (D(2) if both else D("1.5"))
    leg = settlement.net_set_legs([expected.net_leg.net_set_id])[expected.net_leg.net_set_id]
    assert {one.status for one in leg if one.asset_id == "BTC"} == {"INSTRUCTED" if both else "PART_SETTLED"}
    again = here.pay_in("BTC", D(2) if both else D("1.5"), name="Acme Capital", address=address)
    assert again
    jobs.run_all()
    here.at(clock.desk_now() + FINAL)
    jobs.run_all()
    expected.refresh_from_db()
    assert (expected.status, expected.settled_amount) == ("RECEIVED", D(2))
    books.proven()
