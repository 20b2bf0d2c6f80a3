"""The last look at our own price before it goes out: a person's slip of the finger, and a price that does not agree with its own book."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from apps.core import money
from apps.pricing.errors import PriceFarOff, PriceNeedsSure, QuoteInconsistent

from . import book
from .composite import BPS, Composite
from .quote import SidePrice
from .spread import BPS_SCALE, Side


@dataclass(frozen=True, slots=True)
class Bands:
    """Bounds of one pair in bps: how far from the mid a person is asked twice, and refused; how far through the book a price may lie."""

    sure_bps: Decimal = Decimal(100)
    refuse_bps: Decimal = Decimal(500)
    through_bps: Decimal = Decimal(1)


def away_bps(price: Decimal, mid: Decimal) -> Decimal:
    """How far a price is from the mid (or another price), either way, in bps of that."""
    return abs(price - mid) / mid * BPS


def through_bps(side: Side, amount: Decimal, worth: Decimal) -> Decimal:
    """How much better than the book the client does, in bps of what the book asks or brings; below zero where it does worse.

    :param amount: of quote, what a buyer pays or a seller receives
    :param worth: of quote, what the same size costs or brings in the book
    """
    return (worth - amount if side is Side.BUY else amount - worth) / worth * BPS


def require_meant(price: Decimal, mid: Decimal, bands: Bands, *, sure: bool) -> None:
    """A price that a person typed: near the mid, or said twice, or not at all.

    :param sure: the person has confirmed this price
    :raises PriceFarOff: further away than anybody may deal
    :raises PriceNeedsSure: further away than goes out unasked
    """
    away = away_bps(price, mid)
    told = {"away_bps": money.text(money.round_even(away, BPS_SCALE)), "mid": money.text(mid)}
    if away > bands.refuse_bps:
        raise PriceFarOff(f"{told['away_bps']} bps from the mid {told['mid']}; at most {money.text(bands.refuse_bps)}", **told)
    if away > bands.sure_bps and not sure:
        raise PriceNeedsSure(f"{told['away_bps']} bps from the mid {told['mid']}: say that it is meant", **told)


def require_consistent(prices: Iterable[SidePrice], *, depth: Composite, bands: Bands) -> None:
    """An automatic price held against the book it was made from, worked out anew: not through it, not absurdly far away, and the two
    sides not crossed.

    :raises QuoteInconsistent: nothing may be quoted; what was found stays in the house
    """
    by_side: dict[Side, SidePrice] = {}
    for one in prices:
        by_side[one.side] = one
        levels = depth.asks if one.side is Side.BUY else depth.bids
        try:
            worth, within = book.cost_within(levels, one.quantity)
            average = worth / within
        except ArithmeticError:
            raise _inconsistent("no_book", one, depth.mid) from None
        if through_bps(one.side, one.quote_quantity, average * one.quantity) > bands.through_bps:
            raise _inconsistent("through_the_book", one, depth.mid)
        # The least we earn on a small size may be far off by right, and a fee inside the price is charged on that too.
        lifted = sum((part.bps for part in one.parts if part.name == "minimum"), money.ZERO)
        if away_bps(one.price, average) > bands.refuse_bps + lifted * (1 + bands.refuse_bps / BPS):
            raise _inconsistent("far_from_the_book", one, depth.mid)
    if len(by_side) > 1 and by_side[Side.BUY].price < by_side[Side.SELL].price:
        raise _inconsistent("crossed", by_side[Side.BUY], depth.mid)


def _inconsistent(why: str, found: SidePrice, mid: Decimal) -> QuoteInconsistent:
    return QuoteInconsistent(
        why,
        side=str(found.side),
        price=money.text(found.price),
        reference=money.text(found.reference),
        quantity=money.text(found.quantity),
        quote_quantity=money.text(found.quote_quantity),
        mid=money.text(mid),
    )
