"""A price made by a person: rate, margin and profit over what the size costs in the book, each worked out of any other."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from apps.pricing.errors import PriceUnavailable

from . import book
from .book import Level
from .composite import BPS
from .spread import Side


@dataclass(frozen=True, slots=True)
class Margin:
    """One side's `rate` for the client, what it is above its cost in bps of the cost, and in quote units for the size."""

    side: Side
    rate: Decimal
    bps: Decimal
    profit: Decimal


def over_cost(side: Side, *, cost: Decimal, rate: Decimal, quantity: Decimal) -> Margin:
    """What `rate` earns: a client that buys pays above our cost, one that sells gets less than we would.

    :param cost: quote units for one unit of base, the book's average for `quantity`
    """
    above = rate - cost if side is Side.BUY else cost - rate
    return Margin(side, rate, above / cost * BPS, above * quantity)


def rate_for_margin(side: Side, *, cost: Decimal, bps: Decimal, tick: Decimal) -> Decimal:
    """The rate that is `bps` away from the cost, rounded to the tick away from the client; at least one tick."""
    return to_tick(side, cost * (1 + (bps if side is Side.BUY else -bps) / BPS), tick)


def rate_for_profit(side: Side, *, cost: Decimal, profit: Decimal, quantity: Decimal, tick: Decimal) -> Decimal:
    """The rate at which `quantity` earns `profit` in quote units, rounded to the tick away from the client; at least one tick."""
    each = profit / quantity
    return to_tick(side, cost + (each if side is Side.BUY else -each), tick)


def to_tick(side: Side, rate: Decimal, tick: Decimal) -> Decimal:
    """A buyer's rate up, a seller's down, never below one tick."""
    steps = (rate / tick).to_integral_value(rounding=ROUND_CEILING if side is Side.BUY else ROUND_FLOOR)
    return max(tick, steps * tick)


def cost_of(levels: Sequence[Level], quantity: Decimal) -> Decimal:
    """The book's average for `quantity` of base; over all that it holds where it holds less.

    :raises PriceUnavailable: the side is empty
    """
    held = book.depth(levels)
    if not held:
        raise PriceUnavailable("no healthy source")
    return book.vwap(levels, min(quantity, held))
