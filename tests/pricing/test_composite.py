"""Books checked, merged and crossed; a feed that lies is left out, with the reason on record."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.pricing import rules
from apps.pricing.errors import NotEnoughDepth, PriceUnavailable, StalePrice
from apps.pricing.rules import Health, Level, OrderBook

D = Decimal
NOW = datetime(2022, 1, 3, 12, tzinfo=UTC)


def book(venue="a", mid="40000", pair="BTC-USD", at=NOW, half=1, size=2):
    bids = tuple(Level(D(mid) - half * n, D(size)) for n in (1, 2, 3))
    asks = tuple(Level(D(mid) + half * n, D(size)) for n in (1, 2, 3))
    return OrderBook(venue, pair, bids, asks, at)


def broken(bids, asks):
    return OrderBook("x", "BTC-USD", tuple(Level(D(p), D(q)) for p, q in bids), tuple(Level(D(p), D(q)) for p, q in asks), NOW)


@pytest.mark.parametrize(
    ("bad", "reasons"),
    [
        (broken([(99, 1)], [(101, 1)]), ()),
        (broken([(101, 1)], [(99, 1)]), ("crossed",)),
        (broken([(100, 1)], [(100, 1)]), ("crossed",)),
        (broken([(99, 1)], []), ("empty",)),
        (broken([(-99, 1)], [(101, 1)]), ("non_positive",)),
        (broken([(99, 0)], [(101, 1)]), ("non_positive",)),
        (broken([("NaN", 1)], [(101, 1)]), ("not_a_number",)),
        (broken([(99, "Infinity")], [(101, 1)]), ("not_a_number",)),
        (broken([(98, 1), (99, 1)], [(101, 1)]), ("unsorted",)),
        (broken([(99, 1)], [(102, 1), (101, 1)]), ("unsorted",)),
        (broken([(99, "0.4")], [(101, 1)]), ("thin",)),
    ],
)
def test_what_is_wrong_with_a_book_is_named(bad, reasons):
    assert rules.check_book(bad, min_depth=D("0.5")) == reasons


def test_healthy_venues_are_merged_by_price():
    merged = rules.merge("BTC-USD", [book("a"), book("b", mid=D("40000.5"))], NOW)
    assert [level.price for level in merged.asks] == [D(n) for n in ("40001", "40001.5", "40002", "40002.5", "40003", "40003.5")]
    assert [level.price for level in merged.bids[:2]] == [D("39999.5"), D("39999")]
    assert all(source.used for source in merged.sources)
    assert merged.mid == D("40000.25")
    assert merged.spread_bps == D("0.3750")


@pytest.mark.parametrize(
    ("liar", "reason"),
    [
        (book("liar", mid=D("1040000")), "outlier"),
        (book("liar", mid=D("0.04"), half=D("0.001")), "outlier"),
        (book("liar", at=NOW - timedelta(seconds=6)), "stale"),
        (book("liar", at=NOW + timedelta(seconds=2)), "ahead"),
        (book("liar", size=D("0.1")), "thin"),
        (book("liar", half=D(-1)), "crossed"),
        (book("liar", size=D(-1)), "non_positive"),
        (book("liar", mid=D("NaN")), "not_a_number"),
        (book("liar", pair="ETH-USD"), "other_pair"),
        (book("a", mid=D("40001")), "duplicate"),
    ],
)
def test_a_feed_that_lies_is_left_out_with_its_reason(liar, reason):
    honest = [book("a"), book("b")]
    health = Health(min_depth=D(1))
    with_liar, without = rules.merge("BTC-USD", [*honest, liar], NOW, health=health), rules.merge("BTC-USD", honest, NOW, health=health)
    assert (with_liar.bids, with_liar.asks) == (without.bids, without.asks)
    left_out = with_liar.sources[-1]
    assert not left_out.used
    assert reason in left_out.reasons


def test_a_frozen_feed_is_left_out_once_it_is_too_old():
    frozen = book("frozen", at=NOW)
    for seconds, used in ((0, True), (5, True), (6, False)):
        now = NOW + timedelta(seconds=seconds)
        merged = rules.merge("BTC-USD", [book("a", at=now), frozen], now)
        assert merged.sources[1].used is used
        assert merged.sources[1].age_ms == seconds * 1000


def test_where_two_disagree_nobody_can_tell_who_lies_and_both_go():
    merged = rules.merge("BTC-USD", [book("a"), book("b", mid=D("41000"))], NOW)
    assert not merged.is_dealable
    assert [source.reasons for source in merged.sources] == [("outlier",), ("outlier",)]
    with pytest.raises(PriceUnavailable):
        _ = merged.mid


def test_no_books_make_no_price():
    with pytest.raises(PriceUnavailable):
        rules.require_fresh(rules.merge("BTC-USD", [], NOW), NOW, timedelta(seconds=5))


def test_a_price_grows_stale_while_it_lies_on_the_bus():
    merged = rules.merge("BTC-USD", [book("a"), book("b", at=NOW - timedelta(seconds=2))], NOW)
    rules.require_fresh(merged, NOW + timedelta(seconds=3), timedelta(seconds=5))
    with pytest.raises(StalePrice) as old:
        rules.require_fresh(merged, NOW + timedelta(seconds=4), timedelta(seconds=5))
    assert old.value.extra["age_ms"] == 6000


def test_venues_that_cross_each_other_are_matched_off():
    merged = rules.merge("BTC-USD", [book("a"), book("b", mid=D("40002.5"))], NOW)
    assert merged.bids[0].price < merged.asks[0].price
    whole = sum(level.quantity for one in (book("a"), book("b", mid=D("40002.5"))) for level in one.asks)
    assert rules.depth(merged.asks) == whole - D(2)  # a's 40,001 against b's 40,001.5


def test_what_stands_at_one_price_is_added_up_over_venues():
    merged = rules.merge("BTC-USD", [book("a"), book("b", size=3)], NOW)
    assert merged.asks == tuple(Level(D(price), D(5)) for price in (40_001, 40_002, 40_003))


def test_a_venues_taker_fee_is_counted_into_its_prices():
    merged = rules.merge("BTC-USD", [book("a")], NOW, fees_bps={"a": D(10)})
    assert merged.asks[0].price == D("40001") * D("1.001")
    assert merged.bids[0].price == D("39999") * D("0.999")


# --- crossing ----------------------------------------------------------------------------------------------------------


def eur_usd(at=NOW):
    return rules.merge("EUR-USD", [OrderBook("ecb", "EUR-USD", (Level(D("1.1"), D(100_000)),), (Level(D("1.2"), D(100_000)),), at)], NOW)


def test_btc_eur_is_crossed_by_depth_out_of_btc_usd_and_eur_usd():
    btc = rules.merge("BTC-USD", [book("a", mid=D(44_010), half=D(10))], NOW)
    crossed = rules.cross("BTC-EUR", btc, eur_usd())
    # 100,000 EUR sell for 110,000 USD: 88,040 of it for two BTC at 44,020, the rest for 0.4987… at 44,030
    assert [level.price for level in crossed.asks] == [D("40018.181818181818181819"), D("40027.272727272727272728")]
    assert crossed.asks[1].quantity == D("0.498750851692028162")
    # 100,000 EUR cost 120,000 USD: 2 BTC bring 88,000, the rest comes from 0.7274… at 43,990
    assert [level.price for level in crossed.bids] == [D("36666.666666666666666666"), D("36658.333333333333333333")]
    assert rules.cost(crossed.asks, rules.depth(crossed.asks)) <= D(100_000) + D("1e-9")


def test_a_cross_keeps_the_sources_and_ages_of_both_legs():
    btc = rules.with_sigma(rules.merge("BTC-USD", [book("a", at=NOW - timedelta(seconds=1))], NOW), D("0.6"))
    crossed = rules.cross("BTC-EUR", btc, rules.with_sigma(eur_usd(at=NOW - timedelta(seconds=3)), D("0.08")))
    assert [(source.pair, source.age_ms) for source in crossed.sources] == [("BTC-USD", 1000), ("EUR-USD", 3000)]
    assert crossed.age(NOW) == timedelta(seconds=3)
    assert crossed.sigma == D("0.605310")


def test_a_cross_with_a_dead_leg_is_refused_naming_it():
    with pytest.raises(PriceUnavailable, match="EUR-USD"):
        rules.cross("BTC-EUR", rules.merge("BTC-USD", [book("a")], NOW), rules.merge("EUR-USD", [], NOW))


prices = st.integers(1, 300).map(lambda n: D(n) / 100)
quantities = st.integers(1, 10**6).map(lambda n: D(n) / 1000)
steps = st.lists(st.tuples(prices, quantities), min_size=1, max_size=5)


def ladder(rows_below, rows_above, mid, venue="a", pair="BTC-USD"):
    def levels(rows, sign):
        at, out = mid, []
        for gap, quantity in rows:
            at += sign * gap
            out.append(Level(at, quantity))
        return tuple(out)

    return OrderBook(venue, pair, levels(rows_below, -1), levels(rows_above, 1), NOW)


@given(st.lists(st.tuples(steps, steps, st.integers(50_000, 50_400).map(lambda n: D(n) / 100)), min_size=1, max_size=4))
def test_a_composite_is_sorted_and_never_crosses(venues):
    merged = rules.merge("BTC-USD", [ladder(below, above, mid, f"v{n}") for n, (below, above, mid) in enumerate(venues)], NOW)
    assert [level.price for level in merged.asks] == sorted({level.price for level in merged.asks})
    assert [level.price for level in merged.bids] == sorted({level.price for level in merged.bids}, reverse=True)
    assert all(level.quantity > 0 for level in (*merged.asks, *merged.bids))
    if merged.is_dealable:
        assert merged.bids[0].price < merged.asks[0].price


@given(steps, steps, steps, steps, st.integers(1, 1000))
def test_a_crossed_size_costs_what_its_two_legs_cost(base_bids, base_asks, quote_bids, quote_asks, share):
    base = rules.merge("BTC-USD", [ladder(base_bids, base_asks, D(500))], NOW)
    quote = rules.merge("EUR-USD", [ladder(quote_bids, quote_asks, D(20), pair="EUR-USD")], NOW)
    crossed = rules.cross("BTC-EUR", base, quote)
    if not crossed.asks:
        return
    quantity = rules.depth(crossed.asks) * share / 1000
    usd = rules.cost(base.asks, quantity)
    try:
        eur = rules.quantity_for(quote.bids, usd)
    except NotEnoughDepth:
        return  # the last 1e-18 of a fully used leg
    assert abs(rules.cost(crossed.asks, quantity) - eur) < D("1e-9")
    assert not crossed.is_dealable or crossed.bids[0].price < crossed.asks[0].price


# --- volatility and marks ----------------------------------------------------------------------------------------------


def test_realised_volatility_of_one_bp_a_second():
    mid, mids = D(100), []
    for n in range(61):
        mids.append((NOW + timedelta(seconds=n), mid))
        mid *= D("1.0001") if n % 2 else 1 / D("1.0001")
    assert rules.sigma(mids) == D("0.561733")  # ln(1.0001) × √31,557,600


def test_volatility_is_unknown_from_too_few_mids_and_zero_when_nothing_moves():
    still = [(NOW + timedelta(seconds=n), D(100)) for n in range(20)]
    assert rules.sigma(still[:9]) is None
    assert rules.sigma([still[0]] * 20) is None
    assert rules.sigma(still) == 0


def test_a_closing_mark_is_the_median_of_its_window():
    seen = [rules.Observation(NOW + timedelta(minutes=n), D(mid), D(2)) for n, mid in enumerate((1, 100, 101, 5000, 102, 1))]
    mark = rules.closing_mark(seen, NOW + timedelta(minutes=1), NOW + timedelta(minutes=5))
    assert (mark.mid, mark.count, mark.last_at) == (D("101.5"), 4, NOW + timedelta(minutes=4))
    with pytest.raises(PriceUnavailable):
        rules.closing_mark(seen, NOW - timedelta(minutes=5), NOW)


@pytest.mark.parametrize(
    ("changed", "previous", "reasons"),
    [
        ({}, D(100), ()),
        ({}, None, ()),
        ({"count": 2}, D(100), ("few",)),
        ({"last_at": NOW - timedelta(minutes=3)}, D(100), ("stale",)),
        ({"spread_bps": D(51)}, D(100), ("spread",)),
        ({}, D(80), ("move",)),
        ({}, D(130), ("move",)),
    ],
)
def test_what_speaks_against_a_mark_is_named(changed, previous, reasons):
    mark = rules.ClosingMark(**{"mid": D(100), "spread_bps": D(2), "count": 10, "last_at": NOW, **changed})
    assert rules.check_mark(mark, NOW, previous=previous) == reasons
