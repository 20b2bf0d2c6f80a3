"""The guard on our own prices: what a person typed, and what we worked out ourselves."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from apps.pricing import rules
from apps.pricing.errors import NotEnoughDepth, PriceFarOff, PriceNeedsSure, PriceUnavailable, QuoteInconsistent, SizeTooSmall
from apps.pricing.rules import Bands, Fee, FeeMode, Level, Side, Spread

D = Decimal
AT = datetime(2022, 1, 3, 12, tzinfo=UTC)
BTC_USD = rules.PairSpec("BTC", "USD", tick=D("0.01"), base_scale=8, quote_scale=2)
BANDS = Bands(sure_bps=D(100), refuse_bps=D(500), through_bps=D(1))
BOOK = rules.Composite(
    "BTC-USD",
    bids=(Level(D(19999), D(1)), Level(D(19990), D(50))),
    asks=(Level(D(20001), D(1)), Level(D(20010), D(50))),
    as_of=AT,
    sources=(),
    sigma=D("0.6"),
)


def priced(side: Side = Side.BUY, quantity: Decimal | None = D(3), spread: Spread | None = None, **kw: object) -> rules.SidePrice:
    return rules.client_price(side, depth=BOOK, pair=BTC_USD, spread=spread or Spread(base_bps=D(2)), quantity=quantity, **kw)  # type: ignore[arg-type]


# --- what a person typed ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("price", "sure", "refusal"),
    [
        ("20200", False, None),  # exactly on the bound
        ("19800", False, None),
        ("20200.01", False, PriceNeedsSure),
        ("19799.99", False, PriceNeedsSure),
        ("20200.01", True, None),
        ("21000", True, None),
        ("21000.01", True, PriceFarOff),
        ("18999.99", True, PriceFarOff),
        ("200000", False, PriceFarOff),  # a digit too many is never only asked about
        ("2000", True, PriceFarOff),
    ],
)
def test_a_typed_price_goes_out_is_asked_twice_or_is_refused(price: str, sure: bool, refusal: type[Exception] | None) -> None:
    if refusal is None:
        rules.require_meant(D(price), D(20000), BANDS, sure=sure)
    else:
        with pytest.raises(refusal):
            rules.require_meant(D(price), D(20000), BANDS, sure=sure)


@given(
    mid=st.decimals("0.01", "1000000", places=4),
    bps=st.decimals("-9000", "9000", places=2),
    sure=st.booleans(),
)
def test_the_bands_are_symmetric_and_sureness_never_passes_the_hard_one(mid: Decimal, bps: Decimal, sure: bool) -> None:
    def verdict(price: Decimal, said: bool) -> str:
        try:
            rules.require_meant(price, mid, BANDS, sure=said)
        except (PriceNeedsSure, PriceFarOff) as no:
            return no.code
        return "out"

    above, below = mid * (1 + bps / 10_000), mid * (1 - bps / 10_000)
    assert verdict(above, sure) == verdict(below, sure)
    if abs(bps) > BANDS.refuse_bps:
        assert verdict(above, True) == "price_far_off"
    if abs(bps) <= BANDS.sure_bps:
        assert verdict(above, False) == "out"


# --- what we worked out ourselves ---------------------------------------------------------------------------------------
def test_an_honest_price_passes() -> None:
    rules.require_consistent([priced(Side.BUY), priced(Side.SELL)], depth=BOOK, bands=BANDS)


@pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
def test_a_price_through_the_book_does_not(side: Side) -> None:
    good = priced(side)
    worse = D("0.999") if side is Side.BUY else D("1.001")
    bad = replace(good, price=good.price * worse, quote_quantity=good.quote_quantity * worse)
    with pytest.raises(QuoteInconsistent) as no:
        rules.require_consistent([bad], depth=BOOK, bands=BANDS)
    assert no.value.house["why"] == "through_the_book"
    assert no.value.extra == {}, "what was found is not the client's"


def test_a_price_for_another_size_is_found_out() -> None:
    """Priced at the best level for a size that has to walk the book."""
    small = priced(quantity=D("0.5"))
    bad = replace(small, quantity=D(40), quote_quantity=small.price * 40)
    with pytest.raises(QuoteInconsistent):
        rules.require_consistent([bad], depth=BOOK, bands=BANDS)


def test_a_price_absurdly_far_from_the_book_does_not_go_out_although_it_favours_us() -> None:
    with pytest.raises(QuoteInconsistent) as no:
        rules.require_consistent([priced(spread=Spread(base_bps=D(600)))], depth=BOOK, bands=BANDS)
    assert no.value.house["why"] == "far_from_the_book"


def test_sides_that_cross_do_not_go_out() -> None:
    buy, sell = priced(Side.BUY), priced(Side.SELL)
    crossed = replace(sell, price=buy.price + 1)
    with pytest.raises(QuoteInconsistent) as no:
        rules.require_consistent([buy, crossed], depth=BOOK, bands=BANDS)
    assert no.value.house["why"] == "crossed"


@given(
    side=st.sampled_from([Side.BUY, Side.SELL]),
    size=st.decimals("0.00000001", "51", places=8),
    in_quote=st.booleans(),
    base=st.decimals("0", "20", places=2),
    client=st.decimals("-30", "20", places=2),
    position=st.decimals("-200", "200", places=2),
    fee=st.decimals("0", "50", places=2),
    mode=st.sampled_from(list(FeeMode)),
    earn=st.sampled_from([D(0), D(5)]),
)
def test_whatever_client_price_gives_is_consistent_with_its_book(
    side: Side, size: Decimal, in_quote: bool, base: Decimal, client: Decimal, position: Decimal, fee: Decimal, mode: FeeMode, earn: Decimal
) -> None:
    """The guard never stops an honest price: not for discounts, skew, fees, rounding, nor tiny or whole-book sizes."""
    spread = Spread(base_bps=base, client_bps=client, skew_cap_bps=D(10), skew_full_at=D(100), minimum_earn=earn)
    asked = {"quantity": None, "quote_quantity": (size * 20000).quantize(D("0.01"))} if in_quote else {"quantity": size}
    try:
        found = priced(side, spread=spread, position=position, fee=Fee(bps=fee, mode=mode), **asked)  # type: ignore[arg-type]
    except (SizeTooSmall, NotEnoughDepth, PriceUnavailable, ValueError):
        assume(False)
    rules.require_consistent([found], depth=BOOK, bands=BANDS)


@given(side=st.sampled_from([Side.BUY, Side.SELL]), size=st.decimals("0.001", "50", places=3), bps=st.decimals("1.5", "400", places=2))
def test_whatever_lies_through_the_book_by_more_than_the_bound_is_stopped(side: Side, size: Decimal, bps: Decimal) -> None:
    good = priced(side, quantity=size, spread=Spread())
    worth = good.reference * size
    bad = worth * (1 - bps / 10_000 if side is Side.BUY else 1 + bps / 10_000)
    with pytest.raises(QuoteInconsistent):
        rules.require_consistent([replace(good, price=bad / size, quote_quantity=bad)], depth=BOOK, bands=BANDS)
