"""Fill or kill: at our price when it meets the limit, else nothing at all."""

from decimal import Decimal as D
from typing import Any

import pytest

from apps.credit.errors import CreditExceeded
from apps.pricing.errors import PriceUnavailable
from apps.rfqs.errors import PriceNotMet, QuantityOutOfRange, UnknownInstrument
from apps.rfqs.models import Quote, Rfq
from apps.trades.errors import DuplicateOrder
from apps.trades.models import Trade
from apps.workflows.fill_or_kill import fill_or_kill
from tests import lines
from tests.rfqs.desk import BUY, SELL, Desk, a_desk, fund, held, kinds, market, reserved, state, used

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(transactional_db: None) -> Desk:
    return a_desk()


def order(desk: Desk, **changes: Any) -> Any:
    plain: dict[str, Any] = {
        "client_order_id": "f1",
        "pair": "BTC-USD",
        "side": BUY,
        "quantity": D(2),
        "limit_price": D(20100),
        "depth": market(),
        "usd_per_quote": D(1),
    }
    return fill_or_kill(actor=desk.firm.trader, account_id=None, elapsed_us=lambda: 1, **(plain | changes))


@pytest.mark.parametrize(("side", "limit"), [(BUY, D(20100)), (SELL, D(19900))])
def test_it_deals_at_our_price_and_leaves_request_quote_and_trade(desk: Desk, side: Any, limit: D) -> None:
    _, quoted = desk.ask(side=side)
    assert quoted is not None
    ours = getattr(quoted, f"{side}_price")
    trade, version, _ = order(desk, side=side, limit_price=limit)
    assert (version.price, trade.client_order_id) == (ours, "f1")
    rfq = Rfq.objects.get(id=trade.rfq_id)
    assert (rfq.channel, rfq.client_rfq_id, rfq.limit_price, state(rfq)) == ("ORDER", None, limit, ("FILLED", ["ACCEPTED"]))
    assert used() == version.quote_quantity
    assert kinds()[-3:] == ["rfq.quoted", "quote.accepted", "trade.booked"]


def test_a_limit_exactly_at_our_price_is_met_and_a_tick_less_is_not(desk: Desk) -> None:
    _, quoted = desk.ask()
    assert quoted is not None
    with pytest.raises(PriceNotMet):
        order(desk, limit_price=quoted.buy_price - D("0.01"))
    assert order(desk, limit_price=quoted.buy_price)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"limit_price": D(1)}, PriceNotMet),
        ({"quantity": D(60)}, PriceNotMet),
        ({"quantity": D(600)}, QuantityOutOfRange),
        ({"pair": "DOGE-USD"}, UnknownInstrument),
        ({"depth": None}, PriceUnavailable),
    ],
)
def test_a_refused_order_leaves_nothing_behind(desk: Desk, changes: dict[str, Any], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        order(desk, **changes)
    assert (Rfq.objects.count(), Quote.objects.count(), Trade.objects.count(), reserved(), used()) == (0, 0, 0, D(0), D(0))


def test_past_the_line_it_is_refused_before_anything_is_dealt(desk: Desk) -> None:
    lines.change_all("1000")
    with pytest.raises(CreditExceeded):
        order(desk)
    assert Trade.objects.count() == 0


def test_an_id_is_used_once_by_orders_and_accepts_together(desk: Desk) -> None:
    order(desk)
    with pytest.raises(DuplicateOrder):
        order(desk)
    _, quote = desk.ask()
    assert quote is not None
    with pytest.raises(DuplicateOrder):
        desk.take(quote, "f1")
    assert Trade.objects.count() == 1


def test_a_prefunded_order_pays_from_the_balance(transactional_db: None) -> None:
    desk = a_desk(mode="PREFUNDED")
    fund(firm=desk.firm, asset="USD", amount=D(50_000))
    _, version, status = order(desk)
    assert (status, held()) == ("SETTLED", D(0))
    assert version.pays <= 50_000
