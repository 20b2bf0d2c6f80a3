"""The fee on a deal: basis points of the quote amount, a fixed part, a minimum; added, included or invoiced later."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from apps.core import money

from .composite import BPS


class FeeMode(StrEnum):
    ADDED = "ADDED"  # on top of what the client pays, off what the client receives
    INCLUDED = "INCLUDED"  # inside the price shown
    INVOICED = "INVOICED"  # charged later: told in the quote, no part of its amounts


@dataclass(frozen=True, slots=True)
class Fee:
    """Fee terms in the quote asset: max(minimum, fixed + bps of the quote amount)."""

    bps: Decimal = money.ZERO
    fixed: Decimal = money.ZERO
    minimum: Decimal = money.ZERO
    mode: FeeMode = FeeMode.ADDED

    def __post_init__(self) -> None:
        if not 0 <= self.bps < BPS or self.fixed < 0 or self.minimum < 0:
            raise ValueError("fee: bps in [0, 10000), fixed and minimum not negative")

    def on(self, amount: Decimal) -> Decimal:
        """The exact fee on a quote amount, before any rounding."""
        return max(self.minimum, self.fixed + amount * self.bps / BPS)

    def before(self, total: Decimal, *, client_pays: bool) -> Decimal:
        """The quote amount x whose total with the fee is `total`: x + fee(x) where the client pays, x − fee(x) where it receives."""
        if client_pays:
            by_rate = (total - self.fixed) / (1 + self.bps / BPS)
            return by_rate if self.on(by_rate) > self.minimum else total - self.minimum
        by_rate = (total + self.fixed) / (1 - self.bps / BPS)
        return by_rate if self.on(by_rate) > self.minimum else total + self.minimum


NO_FEE = Fee()
