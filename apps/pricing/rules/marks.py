"""Closing marks: one number out of a window before the roll, and what speaks against it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median

from apps.core import money
from apps.pricing.errors import PriceUnavailable

from .book import PRICE_SCALE
from .composite import BPS


@dataclass(frozen=True, slots=True)
class Observation:
    """A healthy composite's mid and spread at an instant."""

    at: datetime
    mid: Decimal
    spread_bps: Decimal


@dataclass(frozen=True, slots=True)
class ClosingMark:
    """The median mid of a window, the median spread, how many observations, and the last one's instant."""

    mid: Decimal
    spread_bps: Decimal
    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class MarkLimits:
    max_age: timedelta = timedelta(minutes=2)  # of the last observation, before the window's end
    max_spread_bps: Decimal = Decimal(50)
    max_move_bps: Decimal = Decimal(1500)  # against the mark before
    fewest: int = 3


def closing_mark(observed: Sequence[Observation], start: datetime, end: datetime) -> ClosingMark:
    """The median of the mids with start ≤ at < end: one bad print cannot move it.

    :raises PriceUnavailable: nothing was observed in the window
    """
    inside = [one for one in observed if start <= one.at < end]
    if not inside:
        raise PriceUnavailable(f"no mid observed between {start.isoformat()} and {end.isoformat()}")
    return ClosingMark(
        mid=money.round_even(median(one.mid for one in inside), PRICE_SCALE),
        spread_bps=money.round_even(median(one.spread_bps for one in inside), 4),
        count=len(inside),
        last_at=max(one.at for one in inside),
    )


def check_mark(mark: ClosingMark, end: datetime, *, previous: Decimal | None, limits: MarkLimits | None = None) -> tuple[str, ...]:
    """Why a person must look before it is approved: `few`, `stale`, `spread`, `move`; empty when nothing speaks against it."""
    limits = limits or MarkLimits()
    reasons = []
    if mark.count < limits.fewest:
        reasons.append("few")
    if end - mark.last_at > limits.max_age:
        reasons.append("stale")
    if mark.spread_bps > limits.max_spread_bps:
        reasons.append("spread")
    if previous is not None and abs(mark.mid - previous) * BPS > limits.max_move_bps * previous:
        reasons.append("move")
    return tuple(reasons)
