"""A hedge beside the LP's own record of it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from decimal import Decimal

from apps.core import money


@dataclass(frozen=True, slots=True)
class Figures:
    """What both sides must say alike: quantity in base, price in quote per base, fee in the quote asset; `side` is ours."""

    instrument: str
    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal


@dataclass(frozen=True, slots=True)
class Difference:
    field: str
    ours: str
    theirs: str


def compare(ours: Figures, theirs: Figures | None) -> Sequence[Difference]:
    """Each field that differs, exactly, without a tolerance; an execution that the LP does not have differs as a whole."""
    if theirs is None:
        return [Difference("execution_id", "booked", "missing")]
    pairs = [(f.name, _told(getattr(ours, f.name)), _told(getattr(theirs, f.name))) for f in fields(Figures)]
    return [Difference(name, mine, yours) for name, mine, yours in pairs if mine != yours]


def _told(value: str | Decimal) -> str:
    return money.text(value) if isinstance(value, Decimal) else value
