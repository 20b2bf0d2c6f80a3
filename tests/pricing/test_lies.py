"""A feed that lies never produces a firm quote: at the composer, on the bus, and at the door of a request."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import redis
from django.conf import settings

from apps.core import clock
from apps.core.actor import acting
from apps.core.errors import AppError
from apps.pricing import rules
from apps.pricing.errors import PriceUnavailable
from apps.pricing.feeds import bus
from apps.pricing.feeds.composer import Composer
from apps.pricing.rules import Health, Level, OrderBook, Recipe, Side
from apps.rfqs.models import Quote, Rfq
from apps.rfqs.operations import Ask
from apps.rfqs.states import Side as AskedSide
from apps.workflows.request_quote import request_quote
from tests import world

D = Decimal
NOW = datetime(2022, 1, 3, 12, tzinfo=UTC)
HEALTH = Health(max_jump_bps=D(1000))
ALONE = Recipe(health={"BTC-USD": HEALTH})


def book(mid="40000", at=NOW, venue="a", half="1", size="2", pair="BTC-USD"):
    m, h = D(mid), D(half)
    return OrderBook(venue, pair, tuple(Level(m - h * n, D(size)) for n in (1, 2)), tuple(Level(m + h * n, D(size)) for n in (1, 2)), at)


LIES = {
    "negative": book(mid="-40000"),
    "zero": book(mid="1", half="1"),
    "negative size": book(size="-2"),
    "crossed": book(half="-1"),
    "locked": book(half="0"),
    "frozen": book(at=NOW - timedelta(seconds=6)),
    "from the future": book(at=NOW + timedelta(minutes=1)),
    "a million off": book(mid="1040000"),
    "a million times less": book(mid="0.04", half="0.00001"),
    "not a number": book(mid="NaN"),
    "infinite": book(mid="Infinity"),
    "no bids": replace(book(), bids=()),
    "no asks": replace(book(), asks=()),
    "upside down": replace(book(), asks=tuple(reversed(book().asks))),
    "another pair": book(pair="ETH-USD"),
}


class Feed:
    """Honest until `NOW`, then what it is given."""

    pairs = ("BTC-USD",)

    def __init__(self, lies: Iterable[OrderBook]) -> None:
        self.lies = list(lies)

    def books(self, now):
        return self.lies if now >= NOW else [book(at=now)]


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_lone_venue_that_lies_leaves_no_price(lie):
    # The minute that begins now is part of the lie: the four before it outvote it.
    depth = Composer(Feed([lie]), ALONE).composites(NOW)["BTC-USD"]
    assert not depth.is_dealable
    assert all(source.reasons for source in depth.sources)
    with pytest.raises(PriceUnavailable):
        depth.mid  # noqa: B018


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_among_honest_venues_a_liar_moves_nothing(lie):
    honest = [book(venue="b"), book(venue="c", mid="40000.5")]
    with_liar, without = (Composer(Feed(books), ALONE).composites(NOW)["BTC-USD"] for books in ([lie, *honest], honest))
    assert (with_liar.bids, with_liar.asks) == (without.bids, without.asks)


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_cross_over_a_lie_has_no_price(lie):
    class Both(Feed):
        pairs = ("BTC-USD", "EUR-USD")

        def books(self, now):
            return [*super().books(now), book(pair="EUR-USD", mid="1.1", half="0.0001", size="1000000", at=now)]

    recipe = replace(ALONE, crosses={"BTC-EUR": ("BTC-USD", "EUR-USD")})
    out = Composer(Both([lie]), recipe).composites(NOW)
    assert out["EUR-USD"].is_dealable
    assert not out["BTC-EUR"].is_dealable


def test_a_jump_is_believed_once_most_of_five_minutes_show_it():
    class Crash(Feed):
        def books(self, now):
            return [book(mid="40000" if now < NOW else "30000", at=now)]

    composer = Composer(Crash([]), ALONE)
    dealable = [composer.composites(NOW + timedelta(minutes=n, seconds=1))["BTC-USD"].is_dealable for n in range(4)]
    assert dealable == [False, False, True, True]
    assert Composer(Crash([]), ALONE).composites(NOW + timedelta(seconds=1))["BTC-USD"].sources[0].reasons == ("jump",)


def test_where_the_bound_is_off_a_jump_is_a_price():
    off = Recipe(health={"BTC-USD": replace(HEALTH, max_jump_bps=D(0))})
    assert Composer(Feed([LIES["a million off"]]), off).composites(NOW)["BTC-USD"].is_dealable


@pytest.mark.parametrize("fee", ["0", "10", "120"])
def test_what_taking_costs_is_in_the_price(fee):
    feed = Feed([book()])
    depth = Composer(feed, replace(ALONE, fees_bps={"a": D(fee)})).composites(NOW)["BTC-USD"]
    assert depth.asks[0].price == D(40001) * (1 + D(fee) / 10_000)
    assert depth.bids[0].price == D(39999) * (1 - D(fee) / 10_000)


# --- on the bus and at the door ---------------------------------------------------------------------------------------------

RUBBISH = {
    "empty": b"", "no json": b"{", "a list": b"[]", "null": b"null", "bytes": b"\xff\xfe\x00", "other version": b'{"v": 99}',
    "html": b"<html>502</html>", "number": b"40000",
}  # fmt: skip
LYING_TEXTS = {
    "a float": lambda t: t.replace(b'"20001"', b"20001.0"),
    "NaN": lambda t: t.replace(b'"20001"', b'"NaN"'),
    "negative": lambda t: t.replace(b'"20001"', b'"-20001"'),
    "zero size": lambda t: t.replace(b'"100"', b'"0"'),
    "crossed": lambda t: t.replace(b'"19999"', b'"29999"'),
    "other pair": lambda t: t.replace(b"BTC-USD", b"ETH-USD"),
    "no zone": lambda t: t.replace(b"+00:00", b""),
    "half of it": lambda t: t[: len(t) // 2],
}


def lay(text: bytes) -> None:
    redis.Redis.from_url(settings.VALKEY_URL).set(bus.key("BTC-USD"), text)


def request(firm, depth, reference="r-1", *, side=AskedSide.BUY):
    with acting(firm.trader):
        return request_quote(
            actor=firm.trader,
            account_id=None,
            ask=Ask(reference, "BTC-USD", side, D(1), None, "", 10_000, 60_000),
            depth=depth,
            usd_per_quote=D(1),
            elapsed_us=lambda: 1,
        )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("text", RUBBISH.values(), ids=RUBBISH)
def test_rubbish_on_the_bus_is_no_price(text):
    lay(text)
    with pytest.raises(PriceUnavailable):
        bus.read_depth("BTC-USD")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("lie", LYING_TEXTS.values(), ids=LYING_TEXTS)
def test_a_lie_on_the_bus_is_no_price(lie):
    honest = bus.encode(world.depth())
    assert lie(honest) != honest
    lay(lie(honest))
    with pytest.raises(PriceUnavailable):
        bus.read_depth("BTC-USD")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_no_quote_comes_out_of_a_lie(lie):
    clock.freeze_desk(NOW)
    firm = world.firm("acme")
    depth = Composer(Feed([lie]), ALONE).composites(NOW)["BTC-USD"]
    bus.publish([depth])
    with pytest.raises(AppError) as no:
        request(firm, bus.read_depth("BTC-USD"))
    assert no.value.code == "price_unavailable"
    assert (Quote.objects.count(), Rfq.objects.count()) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_price_that_goes_stale_on_the_bus_goes_to_the_desk_and_so_does_what_is_wild_or_thin_in_venues():
    clock.freeze_desk(world.NOON + timedelta(seconds=4, milliseconds=1))
    firm = world.firm("acme")
    rfq, quote, _ = request(firm, replace(world.depth(half_spread="25"), sigma=D("2.1")))
    assert quote is None
    assert rfq.reasons == ["PRICE_AGE", "VOLATILITY", "WIDE_SPREAD"]


@pytest.mark.django_db(transaction=True)
def test_a_quote_names_the_version_of_the_policy_that_made_it():
    clock.freeze_desk(world.NOON)
    firm = world.firm("acme")
    _, quote, _ = request(firm, world.depth())
    assert quote.provenance["policy_version"] == 1
    assert (
        rules.client_price(
            Side.BUY, depth=world.depth(), pair=rules.PairSpec("BTC", "USD", D("0.01"), 8, 2), spread=rules.Spread(), quantity=D(1)
        ).price
        <= quote.buy_price
    )
