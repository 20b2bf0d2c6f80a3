"""A person's quote: exact amounts, one owner, credit with it, requoted, withdrawn, countered, expired."""

from datetime import datetime, timedelta
from decimal import Decimal as D

import pytest

from apps.core import clock
from apps.credit.errors import CreditExceeded
from apps.jobs import rfqs as jobs
from apps.ledger.errors import InsufficientBalance
from apps.pricing.errors import PriceUnavailable, TradingHalted
from apps.rfqs.errors import (
    CounterNotBetter,
    NotYours,
    PriceMismatch,
    QuoteAnswered,
    QuoteSuperseded,
    QuoteWithdrawn,
    RfqClosed,
    TtlOutOfRange,
)
from apps.rfqs.models import Quote, Rfq
from apps.trades.models import Trade
from apps.users.errors import RoleMissing
from apps.workflows.counter_quote import counter_quote
from apps.workflows.halt import throw_halt
from apps.workflows.quote_by_hand import preview_by_hand, quote_by_hand
from apps.workflows.withdraw_quote import withdraw_quote
from apps.workflows.work_rfq import hold_rfq, pick_up, take_over
from tests import lines
from tests.rfqs.desk import BUY, SELL, Desk, a_desk, fund, held, kinds, market, pass_time, reserved, state, used

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(transactional_db: None) -> Desk:
    return a_desk()


def test_a_price_typed_becomes_a_firm_quote_with_exact_amounts(desk: Desk) -> None:
    quote = desk.priced("20010", ttl_ms=120_000)
    assert state(quote.rfq_id) == ("QUOTED", ["OPEN"])
    assert (quote.buy_price, quote.buy_quantity, quote.buy_client_pays) == (D(20010), D(60), D(1_200_600))
    assert (quote.priced_by_id, quote.number) == (desk.trader.id, 1)
    assert quote.expires_at - quote.created_at == timedelta(seconds=120)
    assert reserved() == D(1_200_600)
    trade = desk.take(quote)
    assert state(quote.rfq_id) == ("FILLED", ["ACCEPTED"])
    assert (trade.quote_id, reserved(), used()) == (quote.id, D(0), D(1_200_600))
    assert kinds()[-5:] == ["rfq.received", "rfq.picked_up", "rfq.quoted", "quote.accepted", "trade.booked"]


def test_both_sides_are_priced_or_none(desk: Desk) -> None:
    rfq = desk.picked_up(side="two_way")
    with pytest.raises(PriceMismatch):
        desk.price(rfq.id, "", prices={BUY: D(20010)})
    with pytest.raises(PriceMismatch):
        desk.price(desk.picked_up().id, "", prices={BUY: D(20010), SELL: D(19990)})
    quote = desk.price(rfq.id, "20020")
    assert (quote.buy_price, quote.sell_price) == (D(20020), D(19980))


def test_only_a_trader_who_owns_it_prices(desk: Desk) -> None:
    rfq = desk.waiting()
    with pytest.raises(NotYours):
        desk.price(rfq.id, "20010")
    pick_up(actor=desk.sales, rfq_id=rfq.id)
    with pytest.raises(RoleMissing):
        quote_by_hand(actor=desk.sales, rfq_id=rfq.id, prices={BUY: D(20010)}, depth=market(), usd_per_quote=D(1))
    with pytest.raises(NotYours):
        desk.price(rfq.id, "20010")
    take_over(actor=desk.trader, rfq_id=rfq.id, reason="to price it")
    assert desk.price(rfq.id, "20010").status == "OPEN"


def test_a_request_on_hold_is_not_priced(desk: Desk) -> None:
    rfq = desk.picked_up()
    hold_rfq(actor=desk.trader, rfq_id=rfq.id)
    with pytest.raises(RfqClosed):
        desk.price(rfq.id, "20010")
    assert state(rfq) == ("ON_HOLD", [])


@pytest.mark.parametrize("ttl_ms", [999, 120_001])
def test_a_life_outside_the_bounds_is_refused(desk: Desk, ttl_ms: int) -> None:
    with pytest.raises(TtlOutOfRange):
        desk.price(desk.picked_up().id, "20010", ttl_ms)


def test_no_price_no_quote_and_a_kill_switch_stops_the_desk_too(desk: Desk) -> None:
    rfq = desk.picked_up()
    with pytest.raises(PriceUnavailable):
        desk.price(rfq.id, "20010", depth=None)
    throw_halt(actor=desk.trader, reason="drill", pair_code="BTC-USD")
    with pytest.raises(TradingHalted):
        desk.price(rfq.id, "20010")
    assert state(rfq) == ("PICKED_UP", [])
    assert reserved() == 0


def test_a_requote_kills_the_old_price_at_once_and_moves_the_reservation(desk: Desk) -> None:
    first = desk.priced("20010")
    pass_time(seconds=1)
    second = desk.price(first.rfq_id, "20030")
    assert state(first.rfq_id) == ("QUOTED", ["SUPERSEDED", "OPEN"])
    assert reserved() == D(60) * 20030
    with pytest.raises(QuoteSuperseded):
        desk.take(first)
    desk.take(second)
    assert state(first.rfq_id) == ("FILLED", ["SUPERSEDED", "ACCEPTED"])
    assert (reserved(), used()) == (D(0), D(60) * 20030)
    pass_time(minutes=5)
    assert jobs.sweep_quotes() == 1
    assert state(first.rfq_id) == ("FILLED", ["EXPIRED", "ACCEPTED"])
    assert used() == D(60) * 20030


def test_a_cheaper_requote_keeps_the_larger_reservation_while_an_accept_may_be_on_its_way(desk: Desk) -> None:
    first = desk.priced("20030")
    pass_time(seconds=1)
    second = desk.price(first.rfq_id, "20010")
    assert reserved() == D(60) * 20030
    pass_time(seconds=11)
    desk.price(first.rfq_id, "20005")
    assert reserved() == D(60) * 20030, "the second was open until now"
    withdraw_quote(actor=desk.trader, quote_id=Quote.objects.get(status="OPEN").id)
    desk.price(second.rfq_id, "20001")
    assert reserved() == D(60) * 20001


def test_a_price_that_does_not_fit_the_line_leaves_everything_as_it_was(transactional_db: None) -> None:
    desk = a_desk(line=D("1190000"))
    rfq = desk.picked_up(quantity=D("59"))
    quote = desk.price(rfq.id, "20010")
    with pytest.raises(CreditExceeded):
        desk.price(rfq.id, "20400", sure=True)
    assert state(rfq) == ("QUOTED", ["OPEN"])
    assert reserved() == D(59) * 20010
    assert desk.take(quote)


def test_a_withdrawn_quote_is_gone_and_the_request_goes_back_to_its_owner(desk: Desk) -> None:
    quote = desk.priced()
    rfq = withdraw_quote(actor=desk.trader, quote_id=quote.id)
    assert (rfq.status, rfq.owner_id, reserved()) == ("PICKED_UP", desk.trader.id, D(0))
    with pytest.raises(QuoteWithdrawn):
        desk.take(quote)
    assert kinds()[-2:] == ["quote.withdrawn", "rfq.reopened"]
    again = desk.price(quote.rfq_id, "20020")
    assert (again.number, reserved()) == (2, D(60) * 20020)
    desk.take(again)
    assert used() == D(60) * 20020


def test_only_the_owner_withdraws_and_only_what_is_quoted(desk: Desk) -> None:
    quote = desk.priced()
    other = desk.trader.__class__(kind="STAFF", id=desk.sales.id, name="Sam", roles=frozenset({"trader"}))
    with pytest.raises(NotYours):
        withdraw_quote(actor=other, quote_id=quote.id)
    desk.take(quote)
    with pytest.raises(RfqClosed):
        withdraw_quote(actor=desk.trader, quote_id=quote.id)
    assert used() > 0


def test_an_expired_quote_of_a_person_goes_back_to_that_person_while_the_request_lives(desk: Desk) -> None:
    quote = desk.priced(ttl_ms=5_000, respond_within_ms=60_000)
    pass_time(seconds=15)
    assert jobs.sweep_quotes() == 1
    assert state(quote.rfq_id) == ("PICKED_UP", ["EXPIRED"])
    assert reserved() == 0
    desk.price(quote.rfq_id, "20020", 60_000)
    pass_time(seconds=60)
    assert jobs.sweep_rfqs() == 0, "an open quote is firm to its end, past the end of the request too"
    pass_time(seconds=10)
    assert jobs.sweep_quotes() == 1
    assert state(quote.rfq_id) == ("EXPIRED", ["EXPIRED", "EXPIRED"])


def test_a_counter_sends_an_automatic_quote_to_the_queue_with_the_limit_in_sight(desk: Desk) -> None:
    rfq, quote = desk.ask()
    assert quote is not None
    counter_quote(actor=desk.firm.trader, quote_id=quote.id, side=BUY, price=D(19999))
    row = Rfq.objects.get(id=rfq.id)
    assert state(rfq) == ("RECEIVED", ["COUNTERED"])
    assert (row.limit_side, row.limit_price, row.reasons, reserved()) == ("buy", D(19999), ["COUNTERED"], D(0))
    with pytest.raises(QuoteAnswered):
        desk.take(quote)
    pick_up(actor=desk.trader, rfq_id=rfq.id)
    answer = desk.price(rfq.id, "20000")
    counter_quote(actor=desk.firm.trader, quote_id=answer.id, side=BUY, price=D("19999.5"))
    assert state(rfq) == ("PICKED_UP", ["COUNTERED", "COUNTERED"])
    desk.take(desk.price(rfq.id, "19999.5"))
    assert state(rfq) == ("FILLED", ["COUNTERED", "COUNTERED", "ACCEPTED"])


@pytest.mark.parametrize("price", ["20010", "20011"])
def test_a_limit_that_the_quote_meets_is_no_counter(desk: Desk, price: str) -> None:
    quote = desk.priced("20010")
    with pytest.raises(CounterNotBetter):
        counter_quote(actor=desk.firm.trader, quote_id=quote.id, side=BUY, price=D(price))
    with pytest.raises(PriceMismatch):
        counter_quote(actor=desk.firm.trader, quote_id=quote.id, side=SELL, price=D(price))
    assert state(quote.rfq_id) == ("QUOTED", ["OPEN"])
    assert reserved() == D(60) * 20010


def test_the_preview_suggests_and_counts_but_stores_nothing(desk: Desk) -> None:
    rfq = desk.picked_up()
    seen = preview_by_hand(actor=desk.trader, rfq_id=rfq.id, prices={}, depth=market(), usd_per_quote=D(1))
    assert seen.reasons == ["CLIENT_SIZE"]
    assert seen.suggested[BUY].price > 20001
    typed = preview_by_hand(actor=desk.trader, rfq_id=rfq.id, prices={BUY: D(20010)}, depth=market(), usd_per_quote=D(1))
    assert typed.profit[BUY] == typed.priced[BUY].client_pays - 60 * D(20000)
    assert typed.headroom is not None
    assert typed.headroom[BUY].before - typed.headroom[BUY].after == D(60) * 20010
    lines.change_all("1000")
    poor = preview_by_hand(actor=desk.trader, rfq_id=rfq.id, prices={BUY: D(20010)}, depth=market(), usd_per_quote=D(1))
    assert (poor.headroom, bool(poor.unfit)) == (None, True)
    assert reserved() == 0
    assert Quote.objects.count() == 0


def test_a_prefunded_client_has_its_hold_moved_with_the_price(transactional_db: None) -> None:
    desk = a_desk(mode="PREFUNDED", auto_max_usd=D(1000))
    fund(firm=desk.firm, asset="USD", amount=D(41_000))
    rfq = desk.picked_up(quantity=D(2))
    first = desk.price(rfq.id, "20010")
    assert held() == D(40_020)
    pass_time(seconds=1)
    second = desk.price(rfq.id, "20020")
    assert held() == D(40_040)
    with pytest.raises(InsufficientBalance):
        desk.price(rfq.id, "20900", sure=True)
    assert held() == D(40_040)
    with pytest.raises(QuoteSuperseded):
        desk.take(first)
    desk.take(second)
    assert held() == 0


def test_value_dates_never_roll_in_silence_between_two_quotes(desk: Desk) -> None:
    from apps.instruments.errors import PastCutoff

    told = desk.price(desk.picked_up(tenor="T+0").id, "20010").provenance["cutoffs"]
    cutoff = min(datetime.fromisoformat(at) for at in told.values())
    clock.freeze_desk(cutoff - timedelta(minutes=5))
    rfq = desk.picked_up(tenor="T+0", respond_within_ms=900_000)
    assert desk.price(rfq.id, "20010").provenance["value_date"] == rfq.value_date.isoformat()
    clock.freeze_desk(cutoff + timedelta(minutes=5))
    with pytest.raises(PastCutoff):
        desk.price(rfq.id, "20010")
    assert Trade.objects.count() == 0
