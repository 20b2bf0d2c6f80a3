"""Worked cases 3 and 4: a price corrected while OPEN, while NETTED, after SETTLED; a deal cancelled after one leg has settled.

Every obligation and every ledger line is written out, so that an accountant can read it. Debits are positive. `Receive` and `pay` are ours.
"""

from decimal import Decimal as D
from typing import Any

import pytest

from apps.core import clock, db
from apps.core.actor import SYSTEM
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.models import Instruction
from apps.trades import queries as trades
from apps.workflows.settle_net_set import agree_net_set
from tests import books, deals, lines, world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _proven(transactional_db: None) -> Any:
    yield
    books.proven()


def settle_all(firm: world.Firm, usd: str) -> None:
    """Agree, release our BTC, take in the client's dollars: all that is due is paid."""
    for one in settlement.list_net_sets(SYSTEM):
        if one.status == "FROZEN":
            agree_net_set(net_set_id=one.id, actor=firm.treasury)
    jobs.run_all()
    waiting = [i.id for i in here.ready()]
    if waiting:
        maker, checker = deals.person("otto", "operations"), deals.person("olga", "operations")
        assert here.release(*waiting, maker=maker, checker=checker) == "EXECUTED"
    expected = Instruction.objects.filter(direction="RECEIVE", status="EXPECTED", asset_id="USD").first()
    if expected is not None:
        here.pay_in("USD", D(usd), name="Acme Capital", address="021000021-1001", remittance=expected.end_to_end_id)
    jobs.run_all()
    here.at(clock.desk_now(), hours=1)
    jobs.run_all()


def test_case_3_a_price_corrected_while_open() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    trade = here.deal(acme, Side.BUY, "2")
    assert deals.owed(trade) == ["v1 RECEIVE 40018.82 USD 2026-09-16 OPEN", "v1 PAY 2 BTC 2026-09-16 OPEN"]
    assert lines.taken(lines.SETTLEMENT) == (D(0), D("40018.82"))

    deals.change(trade, price="19990")

    assert deals.owed(trade) == [
        "v1 RECEIVE 40018.82 USD 2026-09-16 CANCELLED", "v1 PAY 2 BTC 2026-09-16 CANCELLED",
        "v2 RECEIVE 39980 USD 2026-09-16 OPEN", "v2 PAY 2 BTC 2026-09-16 OPEN",
    ]  # fmt: skip
    assert deals.journal(trade.id) == [
        "DEAL RECEIVABLE USD 40018.82", "DEAL POSITION USD -40018.82", "DEAL POSITION BTC 2", "DEAL PAYABLE BTC -2",
        "CORRECTION RECEIVABLE USD -38.82", "CORRECTION POSITION USD 38.82",
    ]  # fmt: skip
    assert lines.taken(lines.SETTLEMENT) == (D(0), D(39980))
    (told,) = deals.told(acme.client_id, "trade.corrected")
    assert (told["before"]["price"], told["trade"]["price"], told["changed"]) == ("20009.41", "19990", ["price"])
    assert (told["reason"], told["note"], told["trade"]["version"]) == ("DESK_ERROR", "the price was typed wrong", 2)


def test_case_3_a_price_corrected_while_netted() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    trade = here.deal(acme, Side.BUY, "2")
    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    (first,) = settlement.list_net_sets(SYSTEM)

    deals.change(trade, price="19990")

    assert deals.owed(trade) == [
        "v1 RECEIVE 40018.82 USD 2026-09-16 NETTED", "v1 PAY 2 BTC 2026-09-16 NETTED",  # the frozen set stays as it is
        "v2 PAY 38.82 USD 2026-09-16 OPEN",
    ]  # fmt: skip
    assert deals.journal(trade.id)[4:] == ["CORRECTION POSITION USD 38.82", "CORRECTION PAYABLE USD -38.82"]
    assert {(leg.asset_id, leg.direction, leg.amount) for leg in settlement.net_set_legs([first.id])[first.id]} == {
        ("BTC", "PAY", D(2)), ("USD", "RECEIVE", D("40018.82")),
    }  # fmt: skip
    (told,) = deals.told(acme.client_id, "trade.corrected")
    assert [(o["direction"], o["amount"], o["asset"], o["value_date"]) for o in told["obligations"]] == [
        ("receive", "38.82", "USD", "2026-09-16")
    ]

    here.at(here.VALUE_DAY)
    settle_all(acme, "40018.82")  # the first set, as it was agreed
    here.at(here.CUTOFF, days=1, seconds=10)
    jobs.run_all()  # the next set takes the difference
    here.at(here.VALUE_DAY, days=1)
    settle_all(acme, "0")
    assert settlement.trade_status([trade.id]) == {trade.id: "SETTLED"}
    fee = D("0.00005")
    assert here.balances() == {
        "CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000),
        "NOSTRO BTC": D(998) - fee, "NOSTRO USD": D(10_000_000) + 39980,
        "COST BTC": fee, "POSITION BTC": D(2), "POSITION USD": D(-39980),
    }  # fmt: skip
    assert lines.taken(lines.SETTLEMENT) == lines.taken() == (D(0), D(0))


def test_case_3_a_price_corrected_after_it_has_settled() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    trade = here.deal(acme, Side.BUY, "2")
    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    here.at(here.VALUE_DAY)
    settle_all(acme, "40018.82")
    assert settlement.trade_status([trade.id]) == {trade.id: "SETTLED"}
    assert lines.taken(lines.SETTLEMENT) == (D(0), D(0))

    deals.change(trade, price="20017.91")  # the client owes 17 dollars more

    assert deals.owed(trade) == [
        "v1 RECEIVE 40018.82 USD 2026-09-16 SETTLED", "v1 PAY 2 BTC 2026-09-16 SETTLED",
        "v2 RECEIVE 17 USD 2026-09-17 OPEN",  # the next good value date
    ]  # fmt: skip
    assert deals.journal(trade.id)[4:] == ["CORRECTION RECEIVABLE USD 17", "CORRECTION POSITION USD -17"]
    assert lines.taken(lines.SETTLEMENT) == (D(0), D(17))
    (when,) = db.run("SELECT effective_at, business_date FROM ledger_ledgertransaction WHERE kind = 'CORRECTION'")
    assert (when[0], str(when[1])) == (world.NOON, "2026-09-16")  # true since the deal, booked on the open day: its P&L is that day's

    first, second = trades.list_versions(trade)
    as_known = trades.get_version_as_of(trade, known_at=first.recorded_at)
    assert (as_known.number, as_known.price) == (1, D("20009.41"))
    assert trades.get_version_as_of(trade, known_at=second.recorded_at).number == 2
    assert trades.get_version_as_of(trade, effective_at=world.NOON).price == D("20017.91")

    here.at(here.CUTOFF, days=1, seconds=10)
    jobs.run_all()
    here.at(here.VALUE_DAY, days=1)
    settle_all(acme, "17")
    assert settlement.trade_status([trade.id]) == {trade.id: "SETTLED"}
    assert lines.taken(lines.SETTLEMENT) == (D(0), D(0))
    assert here.balances()["NOSTRO USD"] == D(10_000_000) + D("40035.82")


def test_case_4_a_deal_is_cancelled_after_one_leg_has_settled() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    trade = here.deal(acme, Side.BUY, "2")
    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    here.at(here.VALUE_DAY)
    expected = here.only("EXPECTED")
    here.pay_in("USD", D("40018.82"), name="Acme Capital", address="021000021-1001", remittance=expected.end_to_end_id)
    jobs.run_all()  # the client has paid; we have not delivered
    assert deals.owed(trade) == ["v1 RECEIVE 40018.82 USD 2026-09-16 SETTLED", "v1 PAY 2 BTC 2026-09-16 NETTED"]

    deals.change(trade, cancel=True, words={"reason": "CLIENT_ERROR", "note": "you asked us to undo it"})

    assert deals.owed(trade) == [
        "v1 RECEIVE 40018.82 USD 2026-09-16 SETTLED", "v1 PAY 2 BTC 2026-09-16 NETTED",
        "v2 RECEIVE 2 BTC 2026-09-17 OPEN", "v2 PAY 40018.82 USD 2026-09-17 OPEN",
    ]  # fmt: skip
    assert deals.journal(trade.id) == [
        "DEAL RECEIVABLE USD 40018.82", "DEAL POSITION USD -40018.82", "DEAL POSITION BTC 2", "DEAL PAYABLE BTC -2",
        "CORRECTION POSITION USD 40018.82", "CORRECTION PAYABLE USD -40018.82", "CORRECTION RECEIVABLE BTC 2", "CORRECTION POSITION BTC -2",
    ]  # fmt: skip
    assert settlement.trade_status([trade.id]) == {trade.id: "PART_SETTLED"}
    (told,) = deals.told(acme.client_id, "trade.cancelled")
    assert (told["trade"]["status"], told["changed"], told["note"]) == ("CANCELLED", ["status"], "you asked us to undo it")
    assert here.balances() == {
        "CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000),
        "NOSTRO BTC": D(1000), "NOSTRO USD": D("10040018.82"),
        "PAYABLE BTC": D(-2), "RECEIVABLE BTC": D(2), "PAYABLE USD": D("-40018.82"),
    }  # fmt: skip

    settle_all(acme, "0")  # the set of the 16th ends as it was agreed: we deliver
    here.at(here.CUTOFF, days=1, seconds=10)
    jobs.run_all()
    here.at(here.VALUE_DAY, days=1)
    back = here.only("EXPECTED")
    here.pay_in("BTC", D(2), name="Acme Capital", address="bc1qacme0000000000000000000000000000000000", remittance=back.end_to_end_id)
    settle_all(acme, "0")  # that of the 17th gives both back
    assert settlement.trade_status([trade.id]) == {trade.id: "SETTLED"}
    fees = D("0.00005")  # of the chain, for the one payment that we made on it
    assert here.balances() == {
        "CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000),
        "NOSTRO BTC": D(1000) - fees, "NOSTRO USD": D(10_000_000), "COST BTC": fees,
    }  # fmt: skip
    assert lines.taken() == lines.taken(lines.SETTLEMENT) == (D(0), D(0))


def test_a_deal_cancelled_while_open_is_as_if_it_had_never_been() -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    trade = here.deal(acme, Side.SELL, "2")
    deals.change(trade, price="19990")
    deals.change(trade, cancel=True)
    assert settlement.trade_status([trade.id]) == {trade.id: "CANCELLED"}
    assert [o.status for o in settlement.list_obligations_of([trade.id])] == ["CANCELLED"] * 4
    assert db.one("SELECT count(*), count(reverses_id) FROM ledger_ledgertransaction WHERE source_id = %s", (trade.id,)) == (4, 2)
    assert here.balances() == {
        "CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000), "NOSTRO BTC": D(1000), "NOSTRO USD": D(10_000_000),
    }  # fmt: skip
    assert lines.taken() == lines.taken(lines.SETTLEMENT) == (D(0), D(0))


def test_a_prefunded_deal_is_corrected_on_the_balance_at_once() -> None:
    here.open_house("USD", "BTC")
    cygnus = world.firm("cygnus", mode="PREFUNDED", members=here.THREE_PEOPLE, instructions=here.CYGNUS)
    here.pay_in("USD", D(100_000), name="Cygnus Capital", address="021000021-3001", remittance="deposit")
    jobs.run_all()
    trade = here.deal(cygnus, Side.BUY, "2")
    deals.change(trade, price="19990")
    assert deals.owed(trade)[2:] == ["v2 PAY 38.82 USD 2026-09-16 SETTLED"]
    assert deals.journal(trade.id)[4:] == ["CORRECTION POSITION USD 38.82", "CORRECTION CLIENT_BALANCE USD -38.82"]
