"""A hedge with an OTC LP is owed, netted, paid and received like a client's deal. Debits are positive; an accountant can read it."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from apps.clients import operations as clients
from apps.clients.states import SsiStatus
from apps.core import db, ids
from apps.core.actor import SYSTEM
from apps.core.unit import use_case
from apps.credit.models import Line
from apps.credit.states import Level
from apps.instruments import queries as instruments
from apps.jobs import credit as credit_jobs
from apps.jobs import settlement as jobs
from apps.pricing.feeds import bus
from apps.reports.queries.desk import hedges
from apps.settlement import queries as settlement
from apps.settlement.models import Obligation
from apps.trades.errors import BadFill
from apps.trades.models import Hedge, Trade
from apps.workflows.decide_approval import decide_approval
from apps.workflows.hedge_breaks import ask_hedge_move
from apps.workflows.import_fills import import_fills
from apps.workflows.onboard_client import Applicant, Instruction, onboard_client
from tests import books, lines, world
from tests.settlement import world as here
from tests.trades.books import HEADER, line

pytestmark = pytest.mark.django_db(transaction=True)
USD, BTC = "021000021-9001", "bc1qhelios"


def otc_lp(**changes: Any) -> Any:
    """Helios deals over the counter: on its account's terms, netted, we pay when it has paid or on credit."""
    given: dict[str, Any] = {
        "code": "helios", "name": "Helios Liquidity", "lei": "", "country": "US", "email": "", "mode": "CLIENT_FIRST", "pairs": (),
        "roles": ("LP",), "members": (), "instructions": (),
    }  # fmt: skip
    account = onboard_client(
        applicant=Applicant(**(given | changes)),
        entity_id=instruments.get_entity("flowdesk").id,
        book_id=instruments.get_book("main").id,
        approved_by=None,
    )
    _pay_it_at(account=account, places=(Instruction("fedwire-usd", "USD", USD, "CHASUS33"), Instruction("bitcoin-btc", "BTC", BTC)))
    return account


@use_case
def _pay_it_at(*, account: Any, places: tuple[Instruction, ...], now: datetime) -> None:
    """Where two of operations have seen that it is paid."""
    for one in places:
        ssi = clients.create_ssi(
            account=account, rail_code=one.rail, asset_code=one.asset, holder=account.owner.name, address=one.address, bic=one.bic, now=now
        )
        clients.move_ssi(ssi=ssi, status=SsiStatus.VERIFYING, evidence="named")
        by = clients.Signers(ids.uuid7(), ids.uuid7())
        clients.verify_ssi(ssi=ssi, evidence_kind="CALL_BACK", evidence={}, by=by, cooling=timedelta(0), now=now)
        clients.move_ssi(ssi=ssi, status=SsiStatus.ACTIVE, evidence="cooled off")


def hedge(*changes: dict[str, str]) -> list[Trade]:
    given = {"counterparty": "helios", "executed_at": datetime(2026, 9, 15, 12, tzinfo=UTC).isoformat()}
    import_fills(text=HEADER + "".join(line(**given, **one) for one in changes), book_code="main", made_by=None)
    return list(Trade.objects.filter(kind="HEDGE").order_by("execution_id"))


BUY = {"execution_id": "x-1", "quantity": "3", "price": "20000", "fee": "6"}
SELL = {"execution_id": "x-2", "side": "sell", "quantity": "1", "price": "20010", "fee": "2"}


def test_two_hedges_net_and_both_sides_pay() -> None:
    here.open_house("USD", "BTC")
    account = otc_lp()
    bought, sold = hedge(BUY, SELL)
    assert {o.value_date for o in Obligation.objects.all()} == {date(2026, 9, 16)}, "the pair's own cycle"
    assert here.balances() == {
        "CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000), "NOSTRO BTC": D(1000), "NOSTRO USD": D(10_000_000),
        "RECEIVABLE BTC": D(3), "PAYABLE USD": D(-60_006), "PAYABLE BTC": D(-1), "RECEIVABLE USD": D(20_008),
        "POSITION BTC": D(-2), "POSITION USD": D(39_990), "COST USD": D(8),
    }  # fmt: skip
    books.proven()
    (owes_btc, owes_usd) = hedges.list_owed(9)
    assert [(o.lp, o.asset, o.receive, o.pay, o.hedges) for o in (owes_btc, owes_usd)] == [
        ("helios", "BTC", D(3), D(1), 2),
        ("helios", "USD", D(20_008), D(60_006), 2),
    ]
    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    (net_set,) = settlement.list_net_sets(SYSTEM)
    assert (net_set.account_id, net_set.status) == (account.id, "FROZEN")
    assert {(leg.asset_id, leg.direction, leg.amount) for leg in settlement.net_set_legs([net_set.id])[net_set.id]} == {
        ("BTC", "RECEIVE", D(2)),
        ("USD", "PAY", D(39_998)),
    }
    here.at(here.VALUE_DAY)
    jobs.run_all()
    payment = here.only("BLOCKED")
    assert [b["code"] for b in settlement.list_decisions([payment.id])[0].blockers] == ["AWAITING_THEIR_LEG"]
    here.pay_in("BTC", D(2), name="Helios Liquidity", address=BTC, remittance=here.only("EXPECTED").end_to_end_id)
    here.at(here.VALUE_DAY, hours=1)
    jobs.run_all()
    payment = here.only("READY")
    assert (payment.amount, payment.beneficiary_address) == (D(39_998), USD)
    assert here.release(payment.id) == "EXECUTED"
    jobs.run_all()
    here.at(here.VALUE_DAY, hours=2)
    jobs.run_all()
    assert settlement.get_net_set(net_set.id, actor=SYSTEM).status == "SETTLED"
    assert settlement.trade_status([bought.id, sold.id]) == {bought.id: "SETTLED", sold.id: "SETTLED"}
    assert here.balances() == {
        "CAPITAL BTC": D(-1000), "CAPITAL USD": D(-10_000_000), "NOSTRO BTC": D(1002), "NOSTRO USD": D(9_960_002),
        "POSITION BTC": D(-2), "POSITION USD": D(39_990), "COST USD": D(8),
    }  # fmt: skip
    books.proven()
    assert hedges.list_owed(9) == []
    told = db.run("SELECT client_id, count(*) FROM events_event WHERE kind = 'trade.settled' GROUP BY 1")
    assert told == [(None, 2)], "an LP is no client: only the house is told"


def test_without_netting_each_side_is_paid_by_itself_on_the_lps_value_date() -> None:
    here.open_house("USD", "BTC")
    otc_lp(netting=False, mode="CREDIT")
    (bought,) = hedge({**BUY, "fee": "0"})
    here.at(here.CUTOFF, seconds=10)
    jobs.run_all()
    assert settlement.trade_status([bought.id]) == {bought.id: "OPEN"}
    assert {(i.asset_id, i.direction, i.amount) for i in settlement.list_instructions(SYSTEM)} == {
        ("USD", "PAY", D(60_000)),
        ("BTC", "RECEIVE", D(3)),
    }
    books.proven()


def test_a_hedge_that_never_was_takes_what_is_owed_with_it() -> None:
    here.open_house("USD", "BTC")
    otc_lp()
    _, sold = hedge(BUY, SELL)
    tara, olga = here.staff("tara", "trader"), here.staff("olga", "operations")
    asked = ask_hedge_move(actor=tara, trade_id=sold.id, move="cancel", reason="dealt once, reported twice")
    assert decide_approval(approval_id=asked.id, actor=olga, approve=True).status == "EXECUTED"
    assert set(Obligation.objects.filter(trade=sold).values_list("status", flat=True)) == {"CANCELLED"}
    assert Hedge.objects.get(trade=sold).status == "CANCELLED"
    books.proven()


def test_an_lp_that_we_prefund_or_without_terms_is_posted_at_once() -> None:
    here.open_house("USD", "BTC")
    otc_lp(mode="PREFUNDED")
    hedge(BUY)
    assert not Obligation.objects.exists()
    assert here.balances()["VENUE BTC"] == 3


def test_a_fee_above_what_a_sale_brings_is_refused() -> None:
    here.open_house("USD", "BTC")
    otc_lp()
    with pytest.raises(BadFill, match="line 2, fee"):
        hedge({**SELL, "fee": "20010"})
    assert not Trade.objects.exists()


def test_what_an_lp_owes_counts_on_its_line_deal_by_deal_and_whole_once_we_have_paid() -> None:
    here.open_house("USD", "BTC")
    account = otc_lp()
    limit = lines.grant(subject_id=account.owner_id, level=Level.LP, amount="1000000")
    hedge({**BUY, "fee": "0"}, {**SELL, "fee": "0", "price": "20500"})
    for mid, worth in (("20000", D(500)), ("20600", D(1800))):
        bus.publish([world.depth(mid=mid)])
        credit_jobs.revalue()
        assert Line.objects.get(id=limit.id).revalued == worth, "a loss on one deal takes nothing off another"
