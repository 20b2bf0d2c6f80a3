"""A fee that is invoiced is no part of its deal: on the month's invoice once, billed by itself, credited when it falls away."""

from datetime import UTC, date, datetime
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from apps.approvals.models import Approval
from apps.clients.errors import StillOpen
from apps.clients.states import ClientStatus
from apps.core import clock, db
from apps.core.actor import SYSTEM
from apps.jobs import fees
from apps.jobs import settlement as jobs
from apps.reports.queries import invoices, proofs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.errors import BadAdjustment
from apps.settlement.models import Adjustment, Obligation
from apps.trades.models import Trade, TradeVersion
from apps.workflows.bill_fees import ask_bill
from apps.workflows.change_status import lower_status
from apps.workflows.decide_approval import decide_approval
from tests import deals, world
from tests.deals import person
from tests.reports.test_journal import export, hledger
from tests.settlement import world as here
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)
SEPTEMBER, OCTOBER = date(2026, 9, 30), date(2026, 10, 31)


def proven() -> None:
    with db.snapshot():
        found = list(proofs.run(["owed_is_outstanding", "obligations_are_the_deal", "open_items_have_owners", "adjustments", "zero_sums"]))
    assert all(line.ok for line in found), [line for line in found if not line.ok]


def bill(value_date: date = date(2026, 9, 16), approve: bool = True) -> Adjustment:
    made, asked = ask_bill(
        actor=person("olga", "operations"), account_code="acme-main", asset="USD", value_date=value_date, reason="fees of September"
    )
    done = decide_approval(approval_id=asked.id, actor=person("fay", "finance"), approve=approve)
    assert done.status == ("EXECUTED" if approve else "REJECTED"), done.comment
    found: Adjustment = Adjustment.objects.get(id=made.id)
    return found


def invoiced(month_end: date, firm: world.Firm) -> list[tuple[str, D]]:
    account = firm.account
    return [
        (one.kind, one.amount) for one in invoices.list_charged(account.id, Trade.objects.values_list("entity_id", flat=True)[0], month_end)
    ]


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_the_fee_is_shown_and_no_part_of_what_settles(side: Side) -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme", fee_bps=D(2), fee_mode="INVOICED")
    trade = here.deal(acme, side, "1")
    v = TradeVersion.objects.get(trade=trade)
    in_quote = v.pays if side is Side.BUY else v.receives
    assert v.fee == D("4.00") or v.fee == D("3.99"), "2 bp of some 20,000"
    assert (in_quote, v.quote_quantity) == (v.quote_quantity, v.quote_quantity), "client_pays and client_receives are without it"
    owed = {o.asset_id: o.amount for o in Obligation.objects.filter(trade=trade)}
    assert owed == {"USD": v.quote_quantity, "BTC": D(1)}
    books = here.balances()
    assert books["FEE_INCOME USD"] == -v.fee
    way = 1 if side is Side.BUY else -1
    assert books["POSITION USD"] == -way * v.quote_quantity, "the whole price is the position's"
    assert books["RECEIVABLE USD"] == (v.quote_quantity if side is Side.BUY else 0) + v.fee
    proven()


def test_it_is_invoiced_once_billed_once_and_credited_when_the_deal_falls_away(tmp_path: Path) -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme", fee_bps=D(2), fee_mode="INVOICED")
    kept, gone = here.deal(acme, Side.BUY, "1"), here.deal(acme, Side.BUY, "2")
    fees: dict[Any, D] = dict(TradeVersion.objects.values_list("trade_id", "fee"))
    deals.change(kept, fee=fees[kept.id] - 1)  # a correction is a line of its own
    proven()
    assert sorted(invoiced(SEPTEMBER, acme)) == sorted(
        [("INVOICED_FEE", fees[kept.id]), ("INVOICED_FEE", fees[gone.id]), ("INVOICED_FEE", D(-1))]
    )
    assert invoices.list_invoiced(SEPTEMBER) == ["acme-main"]
    total = fees[kept.id] + fees[gone.id] - 1
    (open_,) = invoices.list_unbilled()
    assert (open_.account, open_.asset, open_.amount) == ("acme-main", "USD", total)
    with pytest.raises(StillOpen) as no:
        lower_status(actor=here.staff("rita", "risk"), client_id=acme.client_id, status=ClientStatus.OFFBOARDED, reason="leaves")
    assert {"acme: USD accrued", "acme-main: fees in USD not billed"} <= set(no.value.extra["open"])
    assert bill(approve=False).status == "REJECTED"
    made = bill()
    assert (made.direction, made.amount, made.status) == ("RECEIVE", total, "BOOKED")
    assert here.balances()["FEE_INCOME USD"] == -total, "it was earned with the deals, not again"
    with pytest.raises(BadAdjustment, match="no fees"):
        bill()
    assert len(invoiced(SEPTEMBER, acme)) == 3, "what bills them is not invoiced again"
    proven()
    # Paid with everything else of its value date.
    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    (net_set,) = settlement.list_net_sets(SYSTEM)
    (usd,) = [leg for leg in settlement.net_set_legs([net_set.id])[net_set.id] if leg.asset_id == "USD"]
    prices = sum(TradeVersion.objects.filter(number=1).values_list("quote_quantity", flat=True))
    assert usd.amount == prices + total
    # Cancelled in October: taken back on October's invoice, and owed to the client by the next bill.
    clock.freeze_desk(datetime(2026, 10, 5, 9, 0, tzinfo=UTC))
    deals.change(gone, cancel=True)
    assert len(invoiced(SEPTEMBER, acme)) == 3, "what was issued stays"
    assert invoiced(OCTOBER, acme) == [("INVOICED_FEE", -fees[gone.id])]
    proven()
    credit = bill(date(2026, 10, 6))
    assert (credit.direction, credit.amount) == ("PAY", fees[gone.id])
    assert invoices.list_unbilled() == []
    assert here.balances()["FEE_INCOME USD"] == -(fees[kept.id] - 1)
    proven()
    checked = hledger("-f", str(export(tmp_path)), "check", "--strict", "ordereddates")
    assert (checked.returncode, checked.stderr) == (0, "")


def test_of_a_prefunded_client_the_balance_pays_the_price_alone_until_it_is_billed() -> None:
    here.open_house("USD", "BTC")
    cygnus = world.firm("acme", mode="PREFUNDED", fee_bps=D(2), fee_mode="INVOICED", members=here.THREE_PEOPLE, instructions=here.CYGNUS)
    here.pay_in("USD", D(30_000), name="Acme Capital", address="021000021-3001", remittance="deposit")
    jobs.run_all()
    here.deal(cygnus, Side.BUY, "1")
    v = TradeVersion.objects.get()
    assert here.balances()["CLIENT_BALANCE USD"] == v.quote_quantity - 30_000
    assert here.balances()["RECEIVABLE USD"] == v.fee
    bill()
    assert here.balances()["CLIENT_BALANCE USD"] == v.quote_quantity + v.fee - 30_000
    assert "RECEIVABLE USD" not in here.balances()
    proven()


def test_the_schedule_bills_a_month_once_when_it_has_ended() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme", fee_bps=D(2), fee_mode="INVOICED")
    here.deal(acme, Side.BUY, "1")
    september = TradeVersion.objects.get().fee
    assert fees.bill() == 0, "the month goes on"
    clock.freeze_desk(datetime(2026, 9, 30, 20, 59, tzinfo=UTC))
    assert fees.bill() == 0, "New York has not rolled"
    clock.freeze_desk(datetime(2026, 10, 3, 9, 0, tzinfo=UTC))  # a Saturday
    here.deal(acme, Side.BUY, "3")
    assert sorted(together(2, lambda _: fees.bill())) == [0, 1], "two workers, one of them asks"
    (made,) = Adjustment.objects.all()
    assert (made.amount, made.value_date, made.status, made.reason) == (september, date(2026, 10, 5), "REQUESTED", "fees of September 2026")
    asked = Approval.objects.get(subject_id=made.id)
    assert decide_approval(approval_id=asked.id, actor=person("fay", "finance"), approve=True).status == "EXECUTED"
    assert fees.bill() == 0 and Adjustment.objects.get().status == "BOOKED"
    proven()
    # What October brought is October's: billed by hand before its end, so that nothing is left for the schedule.
    assert bill(date(2026, 10, 5)).amount == invoiced(OCTOBER, acme)[0][1]
    clock.freeze_desk(datetime(2026, 11, 2, 9, 0, tzinfo=UTC))
    assert fees.bill() == 0
    here.deal(acme, Side.BUY, "2")
    clock.freeze_desk(datetime(2026, 12, 2, 9, 0, tzinfo=UTC))
    assert fees.bill() == 1
    asked = Approval.objects.get(subject_id=Adjustment.objects.get(status="REQUESTED").id)
    assert decide_approval(approval_id=asked.id, actor=person("fay", "finance"), approve=False).status == "REJECTED"
    assert fees.bill() == 0 and len(invoices.list_unbilled()) == 1, "what finance rejects is asked again by hand alone"
    proven()
