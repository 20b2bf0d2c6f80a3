"""How many people let a payment go, by what leaves to one account in one asset on one day. No Django."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)
MOST_PAYMENTS = 100  # that one instruction is ever split into


@dataclass(frozen=True, slots=True)
class Band:
    """Amounts in units of the rail's asset.

    :param straight_through: up to this the system releases a leg that nothing blocks; zero: never
    :param two_checkers: from above this two people check; None: one always does
    :param largest: what the rail takes in one payment; None: any amount
    :param most_payments: into how many one instruction may be split that is over it; None: it may not
    """

    straight_through: Decimal = ZERO
    two_checkers: Decimal | None = None
    largest: Decimal | None = None
    most_payments: int | None = None

    def payments_of(self, amount: Decimal) -> list[Decimal]:
        """What one instruction leaves as: itself, or as many of the largest as fit and the rest; [] where the rail takes it in no way."""
        if self.largest is None or amount <= self.largest:
            return [amount]
        full, rest = divmod(amount, self.largest)
        count = int(full) + (1 if rest else 0)
        if self.most_payments is None or count > self.most_payments:
            return []
        return [self.largest] * int(full) + ([rest] if rest else [])

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
    if band.most_payments is not None and band.largest is None:
        return "most_payments: nothing is split where the rail takes any amount"
    if band.most_payments is not None and not 2 <= band.most_payments <= MOST_PAYMENTS:
        return f"most_payments: 2 to {MOST_PAYMENTS}"
    return ""
