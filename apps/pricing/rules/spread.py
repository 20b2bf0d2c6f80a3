"""Our spread, part by part: pair, client, volatility, time, inventory, size."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from apps.core import money
from apps.pricing.errors import PriceUnavailable

from .composite import BPS

BPS_SCALE = 4  # every part of a spread is kept to 0.0001 bp and used as kept, so that a price can be worked out again from its record
YEAR_S = 31_557_600  # 365.25 days
FREE_OPTION = Decimal("0.4")  # an at-the-money option is worth about 0.4 σ√t of the price (Brenner and Subrahmanyam, 1988)
FREE_TTL_MS = 10_000


class Side(StrEnum):
    """Always the client's, of the base asset."""

    BUY = "buy"
    SELL = "sell"


@dataclass(frozen=True, slots=True)
class SizeStep:
    """From above this base quantity on, this many bps (instead of the smaller steps', not on top)."""

    above: Decimal
    bps: Decimal


@dataclass(frozen=True, slots=True)
class Spread:
    """How a price moves away from the book. All bps are for one side: a two-way price is twice as wide.

    :param base_bps: of the pair
    :param size_steps: rising in size and in bps
    :param client_bps: markup of the client's tier; below zero it is a discount
    :param volatility_share: times σ√(hedge_horizon_s / year): the move we stand while we hedge
    :param skew_cap_bps: the most that inventory moves both sides, reached at a position of `skew_full_at` base units
    :param minimum_earn: the least one side earns over the book, in quote units: discount and skew never go below it
    """

    base_bps: Decimal = money.ZERO
    size_steps: tuple[SizeStep, ...] = ()
    client_bps: Decimal = money.ZERO
    volatility_share: Decimal = money.ZERO
    hedge_horizon_s: int = 10
    skew_cap_bps: Decimal = money.ZERO
    skew_full_at: Decimal = money.ZERO
    minimum_earn: Decimal = money.ZERO

    def __post_init__(self) -> None:
        parts = (self.base_bps, self.volatility_share, self.hedge_horizon_s, self.skew_cap_bps, self.skew_full_at, self.minimum_earn)
        if any(part < 0 for part in parts):
            raise ValueError("spread: only the client's part may be below zero")
        if any(step.above < 0 or step.bps < 0 for step in self.size_steps):
            raise ValueError("spread: a size step is not below zero")
        if any(higher.above <= lower.above or higher.bps < lower.bps for lower, higher in pairwise(self.size_steps)):
            raise ValueError("spread: size steps must rise, in size and in bps")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the spread in bps: above zero it moves the price away from the client, below zero towards it."""

    name: str
    bps: Decimal


def time_premium_bps(sigma: Decimal | None, ttl_ms: int) -> Decimal:
    """0.4 σ√ttl in bps, nothing up to 10 s: a free 120 s quote at 60 % gives away about 4.7 bp.

    :raises PriceUnavailable: longer than 10 s and σ is not known
    """
    if ttl_ms <= FREE_TTL_MS:
        return money.ZERO
    if sigma is None:
        raise PriceUnavailable("volatility is not known yet: only quotes of 10 s or less")
    return kept(FREE_OPTION * sigma * (Decimal(ttl_ms) / (1000 * YEAR_S)).sqrt() * BPS)


def skew_bps(spread: Spread, position: Decimal) -> Decimal:
    """How far inventory moves both sides up (short) or down (long): linear, capped."""
    if not spread.skew_full_at:
        return money.ZERO
    share = max(Decimal(-1), min(Decimal(1), position / spread.skew_full_at))
    return kept(-share * spread.skew_cap_bps)


def size_bps(spread: Spread, quantity: Decimal) -> Decimal:
    return next((step.bps for step in reversed(spread.size_steps) if quantity > step.above), money.ZERO)


def unsized_parts(side: Side, spread: Spread, sigma: Decimal | None, position: Decimal, ttl_ms: int) -> tuple[Part, ...]:
    """All parts but those that follow from the size.

    :raises PriceUnavailable: σ is needed and not known
    """
    if spread.volatility_share and sigma is None:
        raise PriceUnavailable("volatility is not known yet")
    while_hedging = (sigma or money.ZERO) * (Decimal(spread.hedge_horizon_s) / YEAR_S).sqrt() * BPS
    skew = skew_bps(spread, position)
    return (
        Part("pair", kept(spread.base_bps)),
        Part("client", kept(spread.client_bps)),
        Part("volatility", kept(spread.volatility_share * while_hedging)),
        Part("time", time_premium_bps(sigma, ttl_ms)),
        Part("inventory", skew if side is Side.BUY else -skew),
    )


def total_bps(parts: tuple[Part, ...]) -> Decimal:
    return sum((part.bps for part in parts), money.ZERO)


def factor(side: Side, parts: tuple[Part, ...]) -> Decimal:
    """What the book's price is multiplied by.

    :raises PriceUnavailable: the spread eats the whole price
    """
    bps = total_bps(parts)
    times = 1 + (bps if side is Side.BUY else -bps) / BPS
    if times <= 0:
        raise PriceUnavailable(f"a spread of {money.text(bps)} bps leaves no price")
    return times


def kept(bps: Decimal) -> Decimal:
    return money.round_even(bps, BPS_SCALE)
