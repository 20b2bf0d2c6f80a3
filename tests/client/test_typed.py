"""The typed client against a running server: decimals and times both ways, every resource, pages, and what a wrong use is told."""

import inspect
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from flowdesk_client import AsyncClient, Client, Refused
from flowdesk_client.models import Rfq, Trade

from tests import web as webs
from tests import world
from tests.client.conftest import BadLine
from tests.together import apart

pytestmark = pytest.mark.django_db(transaction=True)
D = Decimal


def buy(client: Client, size: str = "2") -> Trade:
    rfq = client.rfqs.create(instrument="BTC-USD", side="buy", quantity=D(size))
    assert rfq.quote is not None
    assert rfq.quote.buy is not None
    return client.quotes.accept(rfq.quote.id, side="buy", price=rfq.quote.buy.price)


def test_a_deal_in_decimals_and_times(client: Client) -> None:
    trade = buy(client)
    assert (trade.quantity, type(trade.price), trade.client_pays.asset) == (D(2), Decimal, "USD")
    assert trade.client_pays.amount == trade.quote_quantity + trade.fee
    assert isinstance(trade.value_date, date)
    assert trade.booked_at.astimezone(UTC).date() == world.NOON.date()
    assert trade.raw["price"] == format(trade.price, "f")
    assert client.trades.get(trade.id) == trade
    balances = {row.asset: row for row in client.balances.list()}
    assert balances["BTC"].payable == D(2)
    assert client.by_client_id.get(str(trade.client_order_id)).outcome == "answered"


def test_all_pages_are_walked_and_a_page_is_one(client: Client) -> None:
    made = [buy(client, size).id for size in ("1", "2", "3")]
    page = client.trades.list(limit=2)
    assert (len(page), page.next_cursor is None) == (2, False)
    assert [trade.id for trade in client.trades.iterate(limit=2)] == made[::-1]
    assert [e.seq for e in client.events.iterate(limit=4)] == list(range(1, 10))


def test_a_float_is_refused_before_anything_is_sent(client: Client, line: BadLine) -> None:
    with pytest.raises(TypeError, match="/quantity: a float is not exact"):
        client.rfqs.create(instrument="BTC-USD", side="buy", quantity=0.1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="is no amount"):
        client.rfqs.create(instrument="BTC-USD", side="buy", quantity=D("NaN"))
    with pytest.raises(TypeError, match="needs its zone"):
        client.statistics.list(from_=datetime(2026, 9, 15))
    with pytest.raises(ValueError, match="cannot be an id"):
        client.quotes.get("quo_1/../x")
    assert line.seen == []


def test_an_int_is_an_amount_and_a_small_decimal_has_no_exponent(client: Client) -> None:
    assert client.rfqs.create(instrument="BTC-USD", side="buy", quantity=3).quantity == 3
    with pytest.raises(Refused) as no:
        client.rfqs.create(instrument="BTC-USD", side="buy", quantity=D("1E-9"))
    assert (no.value.code, no.value.retry) == ("too_many_decimals", "never")
    assert no.value.request_id.startswith("req_")


def test_what_a_wrong_field_is_called(client: Client) -> None:
    with pytest.raises(Refused) as no:
        client.rfqs.create(instrument="BTC-USD", side="hold", quantity=D(1))  # type: ignore[arg-type]
    assert (no.value.code, no.value.errors[0]["pointer"]) == ("invalid_request", "/side")
    assert "/side" in str(no.value)


def test_asyncio_says_the_same(line: BadLine, acme: world.Firm) -> None:
    key = webs.key_for(acme.trader)

    async def story() -> list[Trade]:
        async with AsyncClient(line.url, key) as client:
            rfq = await client.rfqs.create(instrument="BTC-USD", side="two_way", quantity=D("1.5"))
            assert isinstance(rfq, Rfq)
            assert rfq.quote is not None
            assert rfq.quote.sell is not None
            line.will("lose_answer")
            await client.quotes.accept(rfq.quote.id, side="sell", price=rfq.quote.sell.price)
            return [trade async for trade in client.trades.iterate(limit=1)]

    (trade,) = apart(story())
    assert (trade.side, trade.quantity) == ("sell", D("1.5"))


def test_sync_and_asyncio_have_the_same_methods(client: Client, line: BadLine, acme: world.Firm) -> None:
    other = AsyncClient(line.url, webs.key_for(acme.trader))
    for name, resource in vars(client).items():
        public = {n for n, _ in inspect.getmembers(resource, callable) if not n.startswith("_")}
        beside = {n for n, _ in inspect.getmembers(getattr(other, name), callable) if not n.startswith("_")}
        assert public == beside or name == "api", name
    assert len(vars(client)) > 20
