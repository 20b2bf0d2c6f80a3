"""The simulator, the ECB's rates and the composer: a function of seed, pair and second, whatever was asked before."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from apps.pricing.errors import PriceUnavailable
from apps.pricing.feeds import factory, fx
from apps.pricing.feeds.base import Shifted
from apps.pricing.feeds.composer import Composer
from apps.pricing.feeds.draws import normal, whole
from apps.pricing.feeds.ladder import ladder
from apps.pricing.feeds.simulator import BTC_USD, Simulator
from apps.pricing.rules import OrderBook, Recipe, check_book, merge

D = Decimal
RECIPE = Recipe(crosses={"BTC-EUR": ("BTC-USD", "EUR-USD")})
DAY = date(2022, 1, 3)
START = datetime(2022, 1, 2, 22, tzinfo=UTC)
NOON = datetime(2022, 1, 3, 12, tzinfo=UTC)


def simulator(seed=7):
    return Simulator(BTC_USD, seed=seed, start_at=START)


def test_the_same_seed_and_second_give_the_same_books_in_whatever_order_they_are_asked():
    instants = [NOON + timedelta(seconds=n * 37) for n in range(30)]
    forward, back = simulator(), simulator()
    one_way = [forward.books(at) for at in instants]
    other_way = [back.books(at) for at in reversed(instants)]
    assert one_way == other_way[::-1]
    assert forward.books(NOON + timedelta(microseconds=999_999)) == forward.books(NOON)


def test_a_simulated_book_is_the_same_in_another_process():
    told = (
        "from apps.core import money; money.use_exact_context()\n"
        "from datetime import *\n"
        "from apps.pricing.feeds.simulator import *\n"
        "print(Simulator(BTC_USD, seed=7, start_at=datetime(2022, 1, 2, 22, tzinfo=UTC)).mid(50_000))"
    )
    out = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert D(out.stdout.strip()) == simulator().mid(50_000)


def test_another_seed_gives_another_day():
    assert simulator(7).books(NOON) != simulator(8).books(NOON)


def test_nothing_is_shown_before_the_day_starts():
    assert simulator().books(START - timedelta(seconds=1)) == []
    assert len(simulator().books(START)) > 0


def test_venues_disagree_slightly_fall_silent_freeze_cross_and_lie_and_the_price_stays_sound():
    feed, seen, mids = simulator(), set(), []
    for second in range(0, 86_400, 11):
        now = START + timedelta(seconds=second)
        books = feed.books(now)
        merged = merge("BTC-USD", books, now)
        seen.update(reason for source in merged.sources for reason in source.reasons)
        if len(books) < 3:
            seen.add("silent")
        assert merged.is_dealable, (now, merged.sources)
        assert abs(merged.mid / feed.mid(second) - 1) < D("0.001")
        assert merged.bids[0].price < merged.asks[0].price
        mids.append(merged.mid)
    assert seen == {"silent", "stale", "crossed", "outlier"}
    assert len(set(mids)) > 5_000


def test_a_simulated_month_is_as_wild_as_the_recorded_one():
    feed = simulator(seed=3)
    closes = [feed.mid(minute * 60) for minute in range(30 * 1440)]
    returns = [(later / earlier - 1) * 10_000 for earlier, later in pairwise(closes)]
    root_mean_square = (sum(one * one for one in returns) / len(returns)).sqrt()
    assert D("8.9") < root_mean_square < D("10.9")  # recorded: 9.88 bp a minute


def test_a_minute_is_a_walk_that_meets_the_next_one():
    feed = simulator()
    steps = [abs(feed.mid(second + 1) / feed.mid(second) - 1) * 10_000 for second in range(36_000, 36_600)]
    assert D("0.1") < sum(steps) / len(steps) < D(3)
    assert max(steps) < D(20)


def test_draws_are_uniform_and_normal():
    draws = [normal(f"n|{n}") for n in range(20_000)]
    assert abs(sum(draws) / len(draws)) < D("0.03")
    assert abs(sum(draw * draw for draw in draws) / len(draws) - 1) < D("0.04")
    assert {whole(f"w|{n}", 3) for n in range(50)} == {0, 1, 2}


def test_depth_around_a_tiny_mid_never_goes_to_zero_or_below():
    bids, asks = ladder(D("0.02"), D("0.01"), wider_bps=D(1_000))
    assert not check_book(OrderBook("v", "X-USD", bids, asks, NOON))


# --- currencies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pair", "day", "rate"),
    [
        ("EUR-USD", "2022-01-03", "1.1355"),
        ("EUR-USD", "2022-01-01", "1.1326"),  # a Saturday: Friday's
        ("EUR-USD", "2022-01-02", "1.1326"),
        ("GBP-USD", "2022-01-03", "1.3496166875"),  # 1.1355 / 0.84135
        ("USD-JPY", "2022-01-03", "114.9801849406"),  # 130.56 / 1.1355
        ("EUR-USD", "2040-01-01", "1.1172"),  # past the last publication in the wheel
    ],
)
def test_a_reference_rate_is_the_last_one_the_ecb_published(pair, day, rate):
    got = fx.reference_rate(pair, date.fromisoformat(day))
    if day != "2040-01-01":  # the last one changes with the wheel
        assert got == D(rate)
    assert got > 0


@pytest.mark.parametrize("pair", ["EUR-XTS", "BTC-USD", "EURUSD", "EUR-EUR", ""])
def test_a_pair_the_ecb_does_not_publish_is_refused(pair):
    with pytest.raises(PriceUnavailable):
        fx.Fx((pair,), seed=1)


def test_a_day_before_the_euro_has_no_rate():
    with pytest.raises(PriceUnavailable):
        fx.reference_rate("EUR-USD", date(1998, 12, 1))


def test_a_currency_price_lives_within_a_few_basis_points_of_the_reference_rate():
    feed = fx.Fx(("EUR-USD",), seed=1)
    mids = set()
    for minute in range(0, 1200, 7):
        (book,) = feed.books(START + timedelta(minutes=minute))
        assert not check_book(book)
        assert abs(book.mid / D("1.1355") - 1) * 10_000 < 20
        mids.add(book.mid)
    assert len(mids) > 50


# --- the composer ------------------------------------------------------------------------------------------------------


def test_the_composer_prices_all_four_pairs_with_volatility():
    out = Composer(factory.make_feed(None, seed=7, day=DAY), RECIPE).composites(NOON)
    assert list(out) == ["BTC-USD", "ETH-USD", "EUR-USD", "BTC-EUR"]
    assert all(depth.is_dealable and depth.sigma for depth in out.values())
    assert abs(out["BTC-EUR"].mid * out["EUR-USD"].mid / out["BTC-USD"].mid - 1) < D("0.0001")
    assert {source.pair for source in out["BTC-EUR"].sources} == {"BTC-USD", "EUR-USD"}


def test_composites_do_not_depend_on_what_was_asked_before():
    fresh, busy = (Composer(factory.make_feed(None, seed=7, day=DAY), RECIPE) for _ in range(2))
    for second in range(0, 300, 13):
        busy.composites(NOON - timedelta(minutes=90) + timedelta(seconds=second * 17))
    assert busy.composites(NOON) == fresh.composites(NOON)


def test_until_ten_minutes_are_known_the_recorded_volatility_is_taken():
    out = Composer(factory.make_feed(None, seed=7, day=DAY), RECIPE).composites(START + timedelta(minutes=3))
    assert out["BTC-USD"].sigma == D("0.72")


def test_a_pair_whose_feed_is_silent_has_no_price_and_neither_has_its_cross():
    class Silent:
        pairs = ("BTC-USD", "EUR-USD")

        def books(self, now):
            return fx.Fx(("EUR-USD",), seed=1).books(now)

    out = Composer(Silent(), RECIPE).composites(NOON)
    assert [out[pair].is_dealable for pair in ("BTC-USD", "EUR-USD", "BTC-EUR")] == [False, True, False]


def test_a_feed_of_another_time_is_played_now_and_faster():
    now = datetime(2026, 5, 1, 9, tzinfo=UTC)
    shifted = Shifted(simulator(), began=now, origin=NOON, speed=60)
    later = shifted.books(now + timedelta(seconds=10))
    original = simulator().books(NOON + timedelta(minutes=10))
    assert [(book.bids, book.asks) for book in later] == [(book.bids, book.asks) for book in original]
    assert all(book.at == now + timedelta(seconds=10) for book in later)
