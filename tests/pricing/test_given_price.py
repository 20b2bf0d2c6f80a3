"""A person's price: rounded away from the client once, its amounts exact, the fee apart, for both kinds of size."""

from decimal import ROUND_CEILING, ROUND_FLOOR
from decimal import Decimal as D

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from apps.core import money
from apps.pricing.errors import SizeTooSmall
from apps.pricing.rules import Fee, FeeMode, PairSpec, Side, SidePrice, given_price
from tests import world

PAIR = PairSpec("BTC", "USD", D("0.01"), 8, 2)
SIDES = st.sampled_from([Side.BUY, Side.SELL])
PRICES = st.decimals("100", "100000", places=5)
SIZES = st.decimals("0.00000001", "500", places=8)
TOTALS = st.decimals("0.01", "10000000", places=2)
FEES = st.builds(Fee, bps=st.decimals("0", "100", places=2), mode=st.sampled_from(FeeMode))


def made(side: Side, price: D, fee: Fee, **size: D) -> SidePrice:
    try:
        return given_price(side, price=price, depth=world.depth(), pair=PAIR, fee=fee, client_bps=D(1), **size)
    except SizeTooSmall:
        assume(False)
        raise AssertionError from None


@given(side=SIDES, price=PRICES, fee=FEES, quantity=SIZES)
def test_a_base_size_is_dealt_exactly_and_its_amounts_are_those_of_the_price(side: Side, price: D, fee: Fee, quantity: D) -> None:
    out = made(side, price, fee, quantity=quantity)
    rounding = ROUND_CEILING if side is Side.BUY else ROUND_FLOOR
    assert out.price == (price / PAIR.tick).to_integral_value(rounding=rounding) * PAIR.tick
    assert out.quantity == (out.client_receives if side is Side.BUY else out.client_pays) == quantity
    settled = money.round_up if side is Side.BUY else money.round_down
    gross = out.price * quantity
    assert out.quote_quantity == settled(gross, 2)
    total = out.client_pays if side is Side.BUY else out.client_receives
    if fee.mode is FeeMode.ADDED:
        assert total == settled(gross + fee.on(gross) if side is Side.BUY else gross - fee.on(gross), 2)
        assert out.fee == abs(total - out.quote_quantity)
    else:
        assert total == out.quote_quantity


@given(side=SIDES, price=PRICES, fee=FEES, total=TOTALS)
def test_a_quote_size_is_what_is_paid_or_received_in_all(side: Side, price: D, fee: Fee, total: D) -> None:
    out = made(side, price, fee, quote_quantity=total)
    assert (out.client_pays if side is Side.BUY else out.client_receives) == total
    before = fee.before(total, client_pays=side is Side.BUY) if fee.mode is FeeMode.ADDED else total
    off = before / out.price - out.quantity  # a buyer gets its base rounded down, a seller gives it rounded up
    assert 0 <= (off if side is Side.BUY else -off) < D("0.00000001")


@given(side=SIDES, price=PRICES, quantity=SIZES)
def test_its_parts_add_up_to_what_it_is_away_from_the_book(side: Side, price: D, quantity: D) -> None:
    out = made(side, price, Fee(), quantity=quantity)
    away = (out.price / out.reference - 1) * 10_000
    assert abs(out.spread_bps - (away if side is Side.BUY else -away)) <= D("0.0001")
    assert {part.name for part in out.parts} == {"client", "hand"}


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity"])
def test_what_is_no_price_is_refused(price: str) -> None:
    with pytest.raises(ValueError, match="price"):
        given_price(Side.BUY, price=D(price), depth=world.depth(), pair=PAIR, quantity=D(1))
    with pytest.raises(ValueError, match="exactly one"):
        given_price(Side.BUY, price=D(1), depth=world.depth(), pair=PAIR)
