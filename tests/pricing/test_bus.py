"""The price bus on a real Valkey: what goes in comes out, and what is no price is refused with a code."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import orjson
import pytest
import redis

from apps.pricing.errors import PriceUnavailable
from apps.pricing.feeds import bus, factory
from apps.pricing.feeds.composer import Composer
from apps.pricing.rules import Composite, Recipe

RECIPE = Recipe(crosses={"BTC-EUR": ("BTC-USD", "EUR-USD")})
NOON = datetime(2022, 1, 3, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture(scope="module")
def composites():
    return Composer(factory.make_feed(None, seed=7, day=date(2022, 1, 3)), RECIPE).composites(NOON)


@pytest.fixture
def valkey(settings):
    bus._client.cache_clear()
    with redis.Redis.from_url(settings.VALKEY_URL) as client:
        yield client
    bus._client.cache_clear()


def test_what_is_published_is_read_back_to_the_last_digit(valkey, composites):
    bus.publish(composites.values())
    for pair, depth in composites.items():
        assert bus.read_depth(pair) == depth


def test_a_composite_without_a_price_keeps_its_reasons_on_the_bus(valkey, composites):
    dead = replace(composites["BTC-USD"], bids=(), asks=(), sigma=None)
    bus.publish([dead])
    assert bus.read_depth("BTC-USD") == dead


def test_a_pair_never_published_reads_as_none(valkey):
    assert bus.read_depth("BTC-USD") is None


def test_each_publication_is_told_on_the_pairs_channel(valkey, composites):
    with valkey.pubsub() as heard:
        heard.subscribe(bus.key("BTC-USD"))
        assert heard.get_message(timeout=30)["type"] == "subscribe"
        bus.publish([composites["BTC-USD"]])
        message = heard.get_message(timeout=30)
    assert bus.decode(message["data"]) == composites["BTC-USD"]


def test_a_prefix_keeps_two_desks_on_one_server_apart(valkey, composites, settings):
    bus.publish([composites["BTC-USD"]])
    settings.BUS_PREFIX = "other:"
    assert bus.read_depth("BTC-USD") is None


def wrong(**changed):
    return lambda raw: {**raw, **changed}


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: b"{",
        lambda raw: b"",
        lambda raw: [],
        lambda raw: 7,
        lambda raw: {},
        wrong(v=2),
        wrong(bids=[["40000.5", "1"]], asks=[["40000", "1"]]),
        wrong(bids=[["-1", "1"]]),
        wrong(bids=[["NaN", "1"]]),
        wrong(bids=[["1", "Infinity"]]),
        wrong(bids=[[1.5, "1"]]),
        wrong(bids=[["1"]]),
        wrong(bids=[["1", "1"], ["2", "1"]]),
        wrong(bids=None),
        wrong(as_of="yesterday"),
        wrong(as_of="2022-01-03T12:00:00"),
        wrong(as_of=None),
        wrong(sigma="high"),
        wrong(sources=[{"venue": "x"}]),
        wrong(pair="ETH-USD"),
    ],
)
def test_what_is_no_composite_is_refused_with_a_code(valkey, composites, damage):
    sound = orjson.loads(bus.encode(composites["BTC-USD"]))
    broken = damage(sound)
    valkey.set(bus.key("BTC-USD"), broken if isinstance(broken, bytes) else orjson.dumps(broken))
    with pytest.raises(PriceUnavailable) as refused:
        bus.read_depth("BTC-USD")
    assert refused.value.code == "price_unavailable"


def test_a_bus_of_another_type_or_gone_is_refused_with_a_code(valkey, composites, settings):
    valkey.lpush(bus.key("BTC-USD"), "x")
    with pytest.raises(PriceUnavailable):
        bus.read_depth("BTC-USD")
    settings.VALKEY_URL = "unix:///nowhere/valkey.sock"
    bus._client.cache_clear()
    with pytest.raises(PriceUnavailable):
        bus.read_depth("BTC-USD")
    with pytest.raises(PriceUnavailable):
        bus.publish([composites["BTC-USD"]])


def test_a_bus_that_does_not_answer_is_given_up_instead_of_waited_for(valkey, impatient):
    valkey.execute_command("CLIENT", "PAUSE", "3000", "ALL")
    with pytest.raises(PriceUnavailable):
        bus.read_depth("BTC-USD")


def test_the_age_of_a_price_on_the_bus_grows_with_the_desk_clock(valkey, composites):
    bus.publish([composites["BTC-USD"]])
    depth = bus.read_depth("BTC-USD")
    assert isinstance(depth, Composite)
    assert depth.age(NOON + timedelta(seconds=4)) == timedelta(seconds=4, microseconds=123456)
