"""The live feed through ccxt, against an exchange on loopback that drops, stalls and sends rubbish."""

import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from apps.pricing.errors import FeedUnavailable, UnknownVenue
from apps.pricing.feeds import live
from apps.pricing.feeds.composer import Composer
from apps.pricing.feeds.live import Live, Pace
from apps.pricing.rules import Health, Recipe, merge
from tests.pricing.exchange import Exchange, said

D = Decimal
MS = timedelta(milliseconds=1)
QUICK = Pace(connect=5000 * MS, stall=700 * MS, unsound=400 * MS, frozen=1500 * MS, poll=20 * MS, first_wait=20 * MS, longest_wait=200 * MS)
RECIPE = Recipe(health={"BTC-USD": Health(max_age=timedelta(seconds=1))})


@pytest.fixture(scope="module", autouse=True)
def _ccxt():
    live.require_venues(["kraken"])  # loading it takes seconds, in none of which a test waits


@pytest.fixture
def exchange():
    one = Exchange()
    yield one
    one.stop()


@pytest.fixture
def listen():
    """`listen(exchange, …)` gives a feed that is closed in the end."""
    feeds = []

    def to(*exchanges, pairs=("BTC-USD",), streams=True, pace=QUICK):
        doors = {f"venue{n}": one.connect(streams=streams) for n, one in enumerate(exchanges)}
        feed = Live(list(doors), pairs, pace=pace, connect=lambda name: doors[name](name))
        feeds.append(feed)
        return feed

    yield to
    for feed in feeds:
        feed.close()
        assert not feed._thread.is_alive()


def now():
    return datetime.now(UTC)


def until(true, within_s=60):
    end = time.monotonic() + within_s
    while not (found := true()):
        assert time.monotonic() < end, "not in time"
        time.sleep(0.02)
    return found


def used(feed, pair="BTC-USD", max_age=timedelta(seconds=1)):
    at = now()
    return merge(pair, [b for b in feed.books(at) if b.pair == pair], at, health=Health(max_age=max_age)).is_dealable


def reasons(feed, at):
    return [source.reasons for source in merge("BTC-USD", feed.books(at), at).sources]


def test_books_come_by_websocket_to_the_last_digit(exchange, listen):
    long = "40000.12345678901234567"  # no float holds this
    stamp = now().isoformat().replace("+00:00", "Z")
    exchange.mode, exchange.texts = "say", [said("BTC/USD", [("39999", "0.1")], [(long, "3e-7")], stamp)]
    feed = listen(exchange)
    (book,) = until(lambda: feed.books(now()))
    assert (book.asks[0].price, book.asks[0].quantity) == (D(long), D("0.0000003"))
    assert book.bids[0].quantity == D("0.1")


def test_updates_are_applied_to_the_snapshot(exchange, listen):
    stamp = now().isoformat().replace("+00:00", "Z")
    exchange.mode = "say"
    exchange.texts = [
        said("BTC/USD", [("39999", "1"), ("39998", "2")], [("40001", "1")], stamp),
        said("BTC/USD", [("39999", "0")], [("40000.5", "0.25")], stamp, "update"),
    ]
    feed = listen(exchange)
    book = until(lambda: next((b for b in feed.books(now()) if len(b.asks) == 2), None))
    assert [(level.price, level.quantity) for level in book.asks] == [(D("40000.5"), D("0.25")), (D("40001"), D("1"))]
    assert [level.price for level in book.bids] == [D("39998")]


def test_where_a_venue_has_no_stream_it_is_polled(exchange, listen):
    feed = listen(exchange, pairs=("BTC-USD", "ETH-USD"), streams=False, pace=replace(QUICK, stall=5000 * MS))
    patient = timedelta(seconds=5)  # ccxt keeps to the venue's limit of one request a second
    until(lambda: used(feed, max_age=patient) and used(feed, "ETH-USD", patient))
    before = exchange.connections
    until(lambda: exchange.connections > before + 2)
    assert all(isinstance(level.price, Decimal) for book in feed.books(now()) for level in book.asks)
    exchange.mode = "down"
    until(lambda: not used(feed) and feed.health()[0].state == "down")
    exchange.mode = "honest"
    until(lambda: used(feed, max_age=patient))


@pytest.mark.parametrize("mode", ["drop", "stall", "rubbish", "down"])
def test_a_venue_that_goes_away_is_told_left_out_and_comes_back(exchange, listen, mode):
    feed = listen(exchange)
    until(lambda: used(feed))
    connected = exchange.connections
    exchange.mode = mode
    if mode == "down":
        exchange.mode = "drop"
        until(lambda: feed.health()[0].reconnects)
        exchange.mode = "down"
    until(lambda: not used(feed))
    health = until(lambda: h if (h := feed.health()[0]).state == "down" and h.reconnects else None)
    assert health.why
    exchange.mode = "honest"
    until(lambda: used(feed) and feed.health()[0].state == "up")
    assert exchange.connections > connected


@pytest.mark.parametrize("mode", ["negative", "crossed", "frozen"])
def test_a_venue_that_lies_gives_no_price_until_it_stops(exchange, listen, mode):
    feed = listen(exchange)
    until(lambda: used(feed))
    exchange.mode = mode
    until(lambda: not used(feed))
    if mode != "frozen":  # it is asked for a fresh book, in case an update was lost
        until(lambda: feed.health()[0].reconnects > 0)
    exchange.mode = "honest"
    until(lambda: used(feed))


def test_a_price_a_million_off_is_outvoted_and_a_lone_one_is_a_jump(exchange, listen):
    others = [Exchange(), Exchange()]
    try:
        feed = listen(exchange, *others)
        until(lambda: len([b for b in feed.books(now()) if now() - b.at < timedelta(seconds=1)]) == 3)
        exchange.mode = "million"
        merged = until(
            lambda: next((m for m in [Composer(feed, RECIPE).composites(now())["BTC-USD"]] if "outlier" in m.sources[0].reasons), None)
        )
        assert abs(merged.mid - 40_000) < 5
    finally:
        for other in others:
            other.stop()


def test_a_stamp_that_is_old_or_of_the_future_counts(exchange, listen):
    def stamped(**off):
        stamp = (now() + timedelta(**off)).isoformat().replace("+00:00", "Z")
        return [said("BTC/USD", [("39999", "1")], [("40001", "1")], stamp), said("BTC/USD", [], [("40002", "1")], stamp, "update")]

    exchange.mode, exchange.texts = "say", stamped(minutes=-1)
    feed = listen(exchange)
    until(lambda: any(now() - b.at > timedelta(seconds=50) for b in feed.books(now())))
    exchange.texts = stamped(hours=1)
    until(lambda: reasons(feed, now()) == [("ahead",)])


@pytest.mark.parametrize("bad", [('"abc"', "1"), ("1e400", "1"), ("null", "1"), ("NaN", "1"), ("[]", "1"), ("1", '"x"')])
def test_a_level_that_is_no_number_is_no_book(exchange, listen, bad):
    stamp = now().isoformat().replace("+00:00", "Z")
    exchange.mode, exchange.texts = "say", [said("BTC/USD", [("39999", "1")], [bad], stamp)]
    feed = listen(exchange)
    until(lambda: feed.health()[0].state == "down")
    assert not used(feed)
    exchange.mode = "honest"
    until(lambda: used(feed))


def test_a_float_is_never_taken():
    for number in (1.5, 7, "7", None, D("NaN"), D("Infinity"), D("1e30"), D("1e-19")):
        with pytest.raises(live._Garbled):
            live._exact(number)


def test_one_venue_down_leaves_the_others(exchange, listen):
    other = Exchange()
    try:
        feed = listen(exchange, other)
        until(lambda: {h.state for h in feed.health()} == {"up"})
        other.mode = "drop"
        until(lambda: {h.venue: h.state for h in feed.health()}["venue1"] == "down" and used(feed))
    finally:
        other.stop()


def test_the_last_full_minute_is_known_a_moment_later(exchange, listen):
    feed = listen(exchange)
    until(lambda: used(feed))
    then = now()
    time.sleep(2.5)
    assert [abs(book.at - then) < timedelta(seconds=30) for book in feed.books(then)] in ([True], [])
    assert feed.books(then - timedelta(minutes=5)) == []


def test_unknown_and_doubled_venues_are_refused_with_a_hint():
    for names, told in ((["krakn"], "kraken"), (["kraken", "kraken"], "once"), ([], "once"), (["../etc"], "no venue")):
        with pytest.raises(UnknownVenue, match=told):
            Live(names, ["BTC-USD"])


def test_without_ccxt_it_is_said_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "ccxt.pro", None)
    with pytest.raises(FeedUnavailable, match="ccxt"):
        Live(["kraken"], ["BTC-USD"])


def test_ccxt_is_not_loaded_unless_it_is_chosen():
    code = (
        "import os, sys, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'flowdesk.settings'; django.setup()\n"
        "import flowdesk.management.commands.run_feed\n"
        "sys.exit('ccxt' in sys.modules or 'aiohttp' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"venues": "krakn"}, "unknown_venue.*kraken"),
        ({"venues": "kraken,bybit"}, "no taker fee is set for bybit"),
        ({"venues": "kraken", "speed": 5}, "--venues"),
    ],
)
def test_the_command_refuses_in_one_line(options, told):
    with pytest.raises(CommandError, match=told):
        call_command("run_feed", once=True, **options)
