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


ADD_ON = Decimal("0.10")  # what a price may move before a client-first deal settles


def exposure(mode: str, notional: Decimal) -> Decimal:
    """What a deal takes of the line: its full value where we deliver first, else the add-on for the move until the client has paid.

    :param notional: value of the deal in the line's currency
    """
    return notional if mode == "CREDIT" else notional * ADD_ON
