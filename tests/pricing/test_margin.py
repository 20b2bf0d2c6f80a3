"""Rate, margin and profit of a price by hand: what one says, the others say too."""

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.pricing.rules.margin import over_cost, rate_for_margin, rate_for_profit, to_tick
from apps.pricing.rules.spread import Side

TICKS = st.sampled_from([D("0.00001"), D("0.01"), D("0.5"), D(1)])
COSTS = st.decimals("0.5", "100000", places=6)
SIDES = st.sampled_from(Side)


def test_a_buyer_pays_above_the_cost_and_a_seller_gets_less() -> None:
    sold = over_cost(Side.BUY, cost=D(68000), rate=D(68068), quantity=D(25))
    assert (sold.bps, sold.profit) == (D(10), D(1700))
    bought = over_cost(Side.SELL, cost=D(68000), rate=D(67932), quantity=D(25))
    assert (bought.bps, bought.profit) == (D(10), D(1700))
    assert over_cost(Side.BUY, cost=D(68000), rate=D(67999), quantity=D(2)).profit == D(-2)


@pytest.mark.parametrize(("side", "rate"), [(Side.BUY, D("68000.01")), (Side.SELL, D("67999.99"))])
def test_the_tick_is_rounded_away_from_the_client(side: Side, rate: D) -> None:
    moved = D("68000.001") if side is Side.BUY else D("67999.999")
    assert to_tick(side, moved, D("0.01")) == rate
    assert to_tick(side, rate, D("0.01")) == rate


@given(SIDES, COSTS, st.decimals("-50", "500", places=2), TICKS, st.decimals("0.01", "1000", places=4))
def test_a_margin_asked_for_is_earned_to_within_a_tick(side: Side, cost: D, bps: D, tick: D, quantity: D) -> None:
    rate = rate_for_margin(side, cost=cost, bps=bps, tick=tick)
    assert rate >= tick
    assert rate % tick == 0
    got = over_cost(side, cost=cost, rate=rate, quantity=quantity)
    if rate > tick:
        assert D(0) <= got.bps - bps < tick / cost * 10_000 + D("1e-30")


@given(SIDES, COSTS, st.decimals("-1000", "100000", places=2), TICKS, st.decimals("0.01", "1000", places=4))
def test_a_profit_asked_for_is_earned_to_within_a_tick(side: Side, cost: D, profit: D, tick: D, quantity: D) -> None:
    rate = rate_for_profit(side, cost=cost, profit=profit, quantity=quantity, tick=tick)
    assert rate % tick == 0
    got = over_cost(side, cost=cost, rate=rate, quantity=quantity)
    if rate > tick:
        assert D("-1e-30") <= got.profit - profit < tick * quantity + D("1e-30")


@given(SIDES, COSTS, st.decimals("-50", "500", places=2), st.decimals("0.01", "1000", places=4))
def test_more_margin_is_never_a_better_rate_for_the_client(side: Side, cost: D, bps: D, quantity: D) -> None:
    tick = D("0.01")
    lower, higher = (rate_for_margin(side, cost=cost, bps=one, tick=tick) for one in (bps, bps + 1))
    assert (higher >= lower) if side is Side.BUY else (higher <= lower)
