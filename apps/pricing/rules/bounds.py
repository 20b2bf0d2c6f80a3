"""Which prices the desk gives by itself: every bound that is passed is a reason of its own, and all of them are told."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from apps.core import money

from .composite import Composite
from .spread import Side


@dataclass(frozen=True, slots=True)
class AutoBounds:
    """Bounds of one pair's automatic quotes. Zero switches one off (sizes apart, where zero means none by itself).

    :param max_quantity: base units
    :param max_age: of the oldest source used; below the age at which there is no price at all
    :param max_sigma: annualised volatility as a fraction
    :param max_spread_bps: best ask less best bid of the merged book
    :param min_sources: venues used, in each leg
    """

    max_quantity: Decimal
    max_age: timedelta = timedelta(seconds=4)
    max_sigma: Decimal = money.ZERO
    max_spread_bps: Decimal = money.ZERO
    min_sources: int = 1


def reasons_for_desk(depth: Composite, now: datetime, bounds: AutoBounds, *, quantity: Decimal) -> list[str]:
    """Why a person has to price `quantity` of base out of this book: of SIZE, PRICE_AGE, VOLATILITY, WIDE_SPREAD, FEW_SOURCES.

    Volatility that is not known counts as past its bound.

    :raises PriceUnavailable: a side of the book is empty
    """
    found = {
        "SIZE": quantity > bounds.max_quantity,
        "PRICE_AGE": depth.age(now) > bounds.max_age,
        "VOLATILITY": bool(bounds.max_sigma) and (depth.sigma is None or depth.sigma > bounds.max_sigma),
        "WIDE_SPREAD": bool(bounds.max_spread_bps) and depth.spread_bps > bounds.max_spread_bps,
        "FEW_SOURCES": fewest_sources(depth) < bounds.min_sources,
    }
    return [reason for reason, holds in found.items() if holds]


def fewest_sources(depth: Composite) -> int:
    """Venues used; of a cross, in the leg that has fewer."""
    used: dict[str, set[str]] = defaultdict(set)
    for source in depth.sources:
        venues = used[source.pair]
        if source.used:
            venues.add(source.venue)
    return min((len(venues) for venues in used.values()), default=0)


def is_past_limit(side: Side, *, position: Decimal, quantity: Decimal, hard: Decimal) -> bool:
    """Whether a deal of `quantity` would leave our position past its hard limit and further from flat than before.

    A client's buy takes from our position, its sell adds. What brings us no further from flat reduces risk and is always free.

    :param position: net open position in the asset, long above zero
    """
    after = abs(position - quantity if side is Side.BUY else position + quantity)
    return after > abs(position) and after > hard
