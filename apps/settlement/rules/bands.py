"""How many people let a payment go, by what leaves to one account in one asset on one day. No Django."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Band:
    """Amounts in units of the rail's asset.

    :param straight_through: up to this the system releases a leg that nothing blocks; zero: never
    :param two_checkers: from above this two people check; None: one always does
    :param largest: what the rail takes in one payment; None: any amount
    """

    straight_through: Decimal = ZERO
    two_checkers: Decimal | None = None
    largest: Decimal | None = None

    def goes_by_itself(self, amount: Decimal, gone: Decimal) -> bool:
        """:param gone: what has been let go already, to the same account on the same day: a payment cut in pieces is still one"""
        return amount > ZERO and gone + amount <= self.straight_through

    def needs_two(self, amount: Decimal, gone: Decimal) -> bool:
        """:param gone: as above, with the rest of the same batch"""
        return self.two_checkers is not None and gone + amount > self.two_checkers


NO_BAND = Band()


def why_bad(band: Band, scale: int) -> str:
    """What is wrong with a band; "" where nothing is.

    :param scale: decimals of the asset
    """
    amounts: Mapping[str, Decimal | None] = {
        "straight_through": band.straight_through,
        "two_checkers": band.two_checkers,
        "largest": band.largest,
    }
    for name, amount in amounts.items():
        if amount is None:
            continue
        if not amount.is_finite() or amount < 0 or amount != round(amount, scale):
            return f"{name}: {amount} is no amount with {scale} decimals"
    if band.two_checkers is not None and band.two_checkers < band.straight_through:
        return "two_checkers: below what goes by itself"
    if band.largest is not None and band.largest == 0:
        return "largest: nothing could be paid"
    return ""
