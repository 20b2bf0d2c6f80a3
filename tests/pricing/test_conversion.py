"""What an asset is worth in another by mids, and where a book stands against its limit."""

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.pricing.rules.conversion import convert
from apps.pricing.rules.limits import Limit, Standing

MIDS = {"BTC-USD": D(20000), "BTC-EUR": D(16000), "USDC-USD": D("0.97"), "USD-JPY": D(150)}


@pytest.mark.parametrize(
    ("asset", "price", "pairs"),
    [
        ("USD", D(1), ()),
        ("BTC", D(20000), ("BTC-USD",)),
        ("USDC", D("0.97"), ("USDC-USD",)),  # never taken as 1
        ("JPY", D("0.006666666666666667"), ("USD-JPY",)),
        ("EUR", D("1.25"), ("BTC-EUR", "BTC-USD")),
    ],
)
def test_an_asset_is_worth_what_the_pairs_say(asset: str, price: D, pairs: tuple[str, ...]) -> None:
    found = convert(asset, "USD", MIDS)
    assert found is not None
    assert (found.price, found.pairs) == (price, pairs)


def test_what_no_pair_leads_to_is_not_known() -> None:
    assert convert("GBP", "USD", MIDS) is None
    assert convert("BTC", "USD", {"BTC-USD": D(0)}) is None


@given(st.decimals(min_value="-100", max_value="100", places=4))
def test_past_soft_and_past_hard_hold_in_both_directions(position: D) -> None:
    found = Limit(D(10), D(20)).standing(position)
    assert found == Limit(D(10), D(20)).standing(-position)
    assert found == (Standing.INSIDE if abs(position) <= 10 else Standing.SOFT if abs(position) <= 20 else Standing.HARD)
