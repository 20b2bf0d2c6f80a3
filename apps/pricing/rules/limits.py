"""Where a book stands against its limit of one asset. What may still be priced by itself is `bounds.is_past_limit`."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Standing(StrEnum):
    INSIDE = "INSIDE"
    SOFT = "SOFT"
    HARD = "HARD"


@dataclass(frozen=True, slots=True)
class Limit:
    """Of the net open position, either direction, in units of the asset: past `soft` people are told, past `hard` the desk prices
    only what reduces the risk by itself."""

    soft: Decimal
    hard: Decimal

    def standing(self, position: Decimal) -> Standing:
        """At a limit is inside it."""
        if abs(position) <= self.soft:
            return Standing.INSIDE
        return Standing.SOFT if abs(position) <= self.hard else Standing.HARD
