"""A hedge with an OTC LP corrected while it is open, netted, paid; and one that never was, cancelled after it was paid.

Every obligation and every ledger line is written out, so that an accountant can read it. Debits are positive. `Receive` and `pay` are ours.
"""

from decimal import Decimal as D
from typing import Any

import pytest

from apps.core import clock, db
from apps.core.actor import SYSTEM
from apps.jobs import settlement as jobs
from apps.settlement import queries as settlement
from apps.settlement.models import Instruction
from apps.trades.errors import BadHedge
from apps.trades.models import Hedge, Trade
from apps.users.errors import RoleMissing
from apps.workflows.correct_hedge import Figures, ask_correction
from apps.workflows.decide_approval import decide_approval
from apps.workflows.hedge_breaks import ask_hedge_move, import_lp_record
from apps.workflows.import_fills import import_fills
from tests import books, deals
from tests.settlement import world as here
from tests.stories.test_otc_hedge import BTC, BUY, hedge, otc_lp
from tests.trades.books import HEADER, line

pytestmark = pytest.mark.django_db(transaction=True)
NOTE = {"reason": "DESK_ERROR", "note": "the price was typed wrong; chat of 12:20"}
FEE = D("0.00005")  # of the chain


@pytest.fixture(autouse=True)
def _proven(transactional_db: None) -> Any:
    yield
    books.proven()


def correct(trade: Trade, **changes: Any) -> str:
    asked = ask_correction(actor=deals.person("tom", "trader"), trade_id=trade.id, figures=Figures(**changes), **NOTE)
    done = deals.check(asked)
    return str(done.status) if not done.comment else f"{done.status}: {done.comment}"


def net(days: int = 0) -> None:
    here.at(here.CUTOFF, days=days, seconds=10)
    jobs.run_all()


def pay(asset: str, amount: str, days: int = 0) -> None:
    """The value date: the LP pays what we expect in one asset, and what we owe is released and sent."""
    here.at(here.VALUE_DAY, days=days)
    jobs.run_all()
    expected = Instruction.objects.filter(direction="RECEIVE", status="EXPECTED", asset_id=asset).first()
    if expected is not None:
        address = BTC if asset == "BTC" else "021000021-9001"
        here.pay_in(asset, D(amount), name="Helios Liquidity", address=address, remittance=expected.end_to_end_id)
        here.at(clock.desk_now(), hours=1)
        jobs.run_all()
    waiting = [i.id for i in here.ready()]
    if waiting:
        assert here.release(*waiting, maker=deals.person("otto", "operations"), checker=deals.person("olga", "operations")) == "EXECUTED"
    jobs.run_all()
    here.at(clock.desk_now(), hours=1)
    jobs.run_all()


def booked() -> Trade:
    here.open_house("USD", "BTC")
    otc_lp()
    (trade,) = hedge(BUY)  # 3 BTC at 20,000 and 6 of fee
    return trade


def test_while_it_is_open_it_is_owed_anew() -> None:
    trade = booked()
    assert correct(trade, price=D(19990)) == "EXECUTED"
    assert deals.owed(trade) == [
        "v1 RECEIVE 3 BTC 2026-09-16 CANCELLED", "v1 PAY 60006 USD 2026-09-16 CANCELLED",
        "v2 RECEIVE 3 BTC 2026-09-16 OPEN", "v2 PAY 59976 USD 2026-09-16 OPEN",
    ]  # fmt: skip
    assert deals.journal(trade.id) == [
        "HEDGE POSITION USD 60000", "HEDGE PAYABLE USD -60006", "HEDGE COST USD 6", "HEDGE RECEIVABLE BTC 3", "HEDGE POSITION BTC -3",
        "CORRECTION POSITION USD -30", "CORRECTION PAYABLE USD 30",
    ]  # fmt: skip


def test_the_lps_own_amount_stays_where_neither_quantity_nor_price_was_wrong() -> None:
    trade = booked()
    assert correct(trade, price=D("19990.001"), quote_quantity=D(59970)) == "EXECUTED"  # not 59970.01, as we round
    assert correct(trade, fee=D(5)) == "EXECUTED"
    assert deals.owed(trade)[-2:] == ["v3 RECEIVE 3 BTC 2026-09-16 OPEN", "v3 PAY 59975 USD 2026-09-16 OPEN"]
    with pytest.raises(BadHedge, match="nothing is different"):
        correct(trade, price=D("19990.001"))


def test_while_it_is_netted_the_set_stays_and_the_next_one_takes_the_difference() -> None:
    trade = booked()
    net()
    (first,) = settlement.list_net_sets(SYSTEM)
    assert correct(trade, price=D(19990), fee=D(5)) == "EXECUTED"
    assert deals.owed(trade) == [
        "v1 RECEIVE 3 BTC 2026-09-16 NETTED", "v1 PAY 60006 USD 2026-09-16 NETTED",
        "v2 RECEIVE 31 USD 2026-09-16 OPEN",
    ]  # fmt: skip
    assert deals.journal(trade.id)[5:] == ["CORRECTION RECEIVABLE USD 31", "CORRECTION POSITION USD -30", "CORRECTION COST USD -1"]
    assert {(leg.asset_id, leg.direction, leg.amount) for leg in settlement.net_set_legs([first.id])[first.id]} == {
        ("BTC", "RECEIVE", D(3)), ("USD", "PAY", D(60006)),
    }  # fmt: skip
    books.proven()
    pay("BTC", "3")  # the first set, as it was agreed
    net(days=1)
    pay("USD", "31", days=1)  # the difference
    assert {one.status for one in settlement.list_net_sets(SYSTEM)} == {"SETTLED"}
    assert settlement.trade_status([trade.id]) == {trade.id: "SETTLED"}
    assert here.balances() == {
        "CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000), "NOSTRO BTC": D(1003), "NOSTRO USD": D(10_000_000) - 59975,
        "POSITION BTC": D(-3), "POSITION USD": D(59970), "COST USD": D(5),
    }  # fmt: skip


def test_after_it_was_paid_more_is_owed_on_the_next_value_date() -> None:
    trade = booked()
    net()
    pay("BTC", "3")
    assert settlement.trade_status([trade.id]) == {trade.id: "SETTLED"}
    assert correct(trade, quantity=D("3.5")) == "EXECUTED"
    assert deals.owed(trade) == [
        "v1 RECEIVE 3 BTC 2026-09-16 SETTLED", "v1 PAY 60006 USD 2026-09-16 SETTLED",
        "v2 RECEIVE 0.5 BTC 2026-09-17 OPEN", "v2 PAY 10000 USD 2026-09-17 OPEN",
    ]  # fmt: skip
    assert deals.journal(trade.id)[5:] == [
        "CORRECTION POSITION USD 10000", "CORRECTION PAYABLE USD -10000", "CORRECTION RECEIVABLE BTC 0.5", "CORRECTION POSITION BTC -0.5",
    ]  # fmt: skip
    net(days=1)
    pay("BTC", "0.5", days=1)
    assert settlement.trade_status([trade.id]) == {trade.id: "SETTLED"}
    assert here.balances() == {
        "CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000), "NOSTRO BTC": D("1003.5"), "NOSTRO USD": D(10_000_000) - 70006,
        "POSITION BTC": D("-3.5"), "POSITION USD": D(70_000), "COST USD": D(6),
    }  # fmt: skip


def test_one_that_never_was_is_given_back_after_it_was_paid() -> None:
    trade = booked()
    net()
    pay("BTC", "3")
    asked = ask_hedge_move(actor=deals.person("tom", "trader"), trade_id=trade.id, move="cancel", reason="reported twice")
    assert deals.check(asked).status == "EXECUTED"
    assert deals.owed(trade) == [
        "v1 RECEIVE 3 BTC 2026-09-16 SETTLED", "v1 PAY 60006 USD 2026-09-16 SETTLED",
        "v2 RECEIVE 60006 USD 2026-09-17 OPEN", "v2 PAY 3 BTC 2026-09-17 OPEN",
    ]  # fmt: skip
    assert deals.journal(trade.id)[5:] == [
        "CORRECTION RECEIVABLE USD 60006", "CORRECTION POSITION USD -60000", "CORRECTION COST USD -6",
        "CORRECTION POSITION BTC 3", "CORRECTION PAYABLE BTC -3",
    ]  # fmt: skip
    assert Hedge.objects.get(trade=trade).status == "CANCELLED"
    books.proven()
    net(days=1)
    pay("USD", "60006", days=1)
    assert settlement.trade_status([trade.id]) == {trade.id: "SETTLED"}
    assert here.balances() == {
        "CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000), "NOSTRO BTC": D(1000) - FEE, "NOSTRO USD": D(10_000_000), "COST BTC": FEE,
    }  # fmt: skip


def test_corrected_and_then_cancelled_while_open_leaves_nothing() -> None:
    trade = booked()
    assert correct(trade, side="sell", fee=D(0)) == "EXECUTED"
    assert deals.owed(trade)[2:] == ["v2 RECEIVE 60000 USD 2026-09-16 OPEN", "v2 PAY 3 BTC 2026-09-16 OPEN"]
    asked = ask_hedge_move(actor=deals.person("tom", "trader"), trade_id=trade.id, move="cancel", reason="reported twice")
    assert deals.check(asked).status == "EXECUTED"
    assert db.one("SELECT count(*), count(reverses_id) FROM ledger_ledgertransaction WHERE source_id = %s", (trade.id,)) == (4, 2)
    assert here.balances() == {
        "CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000), "NOSTRO BTC": D(1000), "NOSTRO USD": D(10_000_000),
    }  # fmt: skip


def test_with_whom_we_prefund_the_difference_is_posted_at_once() -> None:
    here.open_house("USD", "BTC")
    otc_lp(mode="PREFUNDED")
    (trade,) = hedge(BUY)
    assert correct(trade, price=D(19990)) == "EXECUTED"
    assert deals.journal(trade.id)[-2:] == ["CORRECTION VENUE USD 30", "CORRECTION POSITION USD -30"]
    assert not deals.owed(trade)


def test_a_break_that_was_our_fault_ends_with_the_correction_and_the_report_of_before_is_still_the_same_hedge() -> None:
    trade = booked()
    olga = deals.person("olga", "operations")
    theirs = {"counterparty": "helios", "execution_id": "x-1", "quantity": "3", "price": "19990", "fee": "6"}
    import_lp_record(actor=olga, counterparty="helios", on=trade.trade_date, text=HEADER + line(**theirs))
    assert Hedge.objects.get(trade=trade).status == "BREAK"
    assert correct(trade, price=D(19995)) == "EXECUTED"
    found = Hedge.objects.get(trade=trade)
    assert (found.status, found.differences) == ("BREAK", [{"field": "price", "ours": "19995", "theirs": "19990"}])
    assert correct(trade, price=D(19990)) == "EXECUTED"
    found = Hedge.objects.get(trade=trade)
    assert (found.status, found.differences) == ("CONFIRMED", [])
    for price in ("20000", "19990"):  # our own systems report it again, as they knew it
        import_fills(text=HEADER + line(**{**theirs, "price": price, "executed_at": hedged_at(trade)}), book_code="main", made_by=None)
    assert Trade.objects.filter(kind="HEDGE").count() == 1


def hedged_at(trade: Trade) -> str:
    (when,) = db.one("SELECT effective_at FROM trades_tradeversion WHERE trade_id = %s AND number = 1", (trade.id,))
    return str(when.isoformat())


def test_what_cannot_be_is_refused_and_much_money_needs_risk() -> None:
    trade = booked()
    tom = deals.person("tom", "trader")

    def ask(**changes: Any) -> Any:
        return ask_correction(actor=tom, trade_id=trade.id, figures=Figures(**changes), **NOTE)

    for wrong in ({}, {"price": D(20000)}, {"price": D(0)}, {"side": "swap"}, {"quantity": D("0.000000001")}, {"fee": D(-1)},
                  {"side": "sell", "fee": D(60_000)}, {"quote_quantity": D(1)}):  # fmt: skip
        with pytest.raises(BadHedge):
            ask(**wrong)
    with pytest.raises(RoleMissing):
        ask_correction(actor=deals.person("rita", "risk"), trade_id=trade.id, figures=Figures(price=D(1)), **NOTE)
    big = ask(price=D(25000))
    assert (big.payload["result"], len(big.slots)) == ("-15000", 2)
    assert deals.check(big).status == "REQUESTED"
    assert decide_approval(approval_id=big.id, actor=deals.person("rita", "risk"), approve=True).status == "EXECUTED"
    late = ask(price=D(20000))
    net()
    with pytest.raises(BadHedge, match="keeps its date"):
        ask(value_date=trade.trade_date.replace(day=18))
    other = ask_hedge_move(actor=tom, trade_id=trade.id, move="cancel", reason="x")
    assert deals.check(other).status == "EXECUTED"
    deals.check(late)
    assert decide_approval(approval_id=late.id, actor=deals.person("rita", "risk"), approve=True).status == "STALE"
