"""What a bank's statement file says, in whatever format it came. No Django."""

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime
from decimal import Decimal

LONGEST = 20 * 1024 * 1024  # bytes
MOST_LINES = 50_000
_LONGEST_TEXTS = {"reference": 80, "end_to_end_id": 35, "counterparty_address": 120}


class BadFile(ValueError):
    """It cannot be read; the message names the line and what is wrong with it."""

    def __init__(self, place: str, what: str) -> None:
        super().__init__(f"{place}: {what}")


@dataclass(frozen=True, slots=True)
class Line:
    """One booked movement; `amount` positive came in, negative went out. `place` names it in the file."""

    place: str
    amount: Decimal
    booked_on: date
    reference: str
    kind: str  # PAYMENT, RECEIPT, RETURN, CHARGE
    booked_at: datetime | None = None  # where the file says more than the day
    end_to_end_id: str = ""
    counterparty_name: str = ""
    counterparty_address: str = ""
    remittance: str = ""


@dataclass(frozen=True, slots=True)
class StatementFile:
    """One statement of one account: booked lines between two balances, in units of the currency.

    A notification (camt.054) has no balances: it tells what is on its way, and books nothing.
    """

    place: str
    account: str
    currency: str
    number: int | None  # the bank's own count of its statements
    opening: Decimal | None
    closing: Decimal | None
    lines: tuple[Line, ...]

    @property
    def notifies(self) -> bool:
        return self.opening is None


def checked(one: StatementFile) -> StatementFile:
    """The statement itself.

    :raises BadFile: its balances and lines do not add up, or it has too many
    """
    if len(one.lines) > MOST_LINES:
        raise BadFile(one.place, f"{len(one.lines)} lines, at most {MOST_LINES}")
    for line in one.lines:
        for name, longest in _LONGEST_TEXTS.items():
            if len(getattr(line, name)) > longest:
                raise BadFile(line.place, f"{name.replace('_', ' ')} longer than {longest} characters")
    if (one.opening is None) != (one.closing is None):
        raise BadFile(one.place, "an opening and a closing balance belong together")
    if one.opening is not None and one.closing is not None:
        total = one.opening + sum((line.amount for line in one.lines), Decimal(0))
        if total != one.closing:
            raise BadFile(one.place, f"opens at {one.opening}, its lines make it {total}, it says it closes at {one.closing}")
    return one


def digest_of(one: StatementFile) -> str:
    """SHA-256 of what a statement says, wherever in whatever file it stands."""
    said = [one.account, one.currency, one.number, one.opening, one.closing]
    lines = [[*astuple(line)][1:] for line in one.lines]
    return hashlib.sha256(repr([[str(x) for x in said], [[str(x) for x in line] for line in lines]]).encode()).hexdigest()


def direction(amount: Decimal, *, reversal: bool, charge: bool) -> str:
    """What a booked line is about, as far as its own words tell."""
    if charge and amount < 0:
        return "CHARGE"
    if reversal:
        return "RETURN"
    return "RECEIPT" if amount > 0 else "PAYMENT"


def one_line(parts: Sequence[str]) -> str:
    return " ".join(" ".join(parts).split())
