"""Headroom of lines. No Django."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class LineState:
    """One line as read under its lock; amounts in its currency."""

    level: str
    amount: Decimal
    excess: Decimal
    excess_until: datetime | None
    valid_until: datetime
    reserved: Decimal
    used: Decimal

    def limit(self, now: datetime) -> Decimal:
        """Line plus approved excess; an expired line is zero for new deals."""
        if now >= self.valid_until:
            return Decimal(0)
        extra = self.excess if self.excess_until is not None and self.excess_until > now else Decimal(0)
        return self.amount + extra

    def headroom(self, now: datetime) -> Decimal:
        return self.limit(now) - self.reserved - self.used


@dataclass(frozen=True, slots=True)
class Headroom:
    """What the binding line had before and has after a reservation."""

    before: Decimal
    after: Decimal
    currency: str
    binding: str  # GROUP, CLIENT, ACCOUNT or BALANCE
    share_used: Decimal  # of the binding line, after


def settlement_exposure(received_value: Decimal) -> Decimal:
    """Full value of what we deliver before we have finally received, in the line's currency (domain.md, Credit)."""
    return max(Decimal(0), received_value)
