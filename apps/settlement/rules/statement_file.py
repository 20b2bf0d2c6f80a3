"""What a bank's statement file says, in whatever format it came. No Django."""

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime
from decimal import Decimal

from apps.core import money

LONGEST = 20 * 1024 * 1024  # bytes
MOST_LINES = 50_000
MOST_DIGITS = 18  # of a bank's own number, and before the point of an amount or balance
MOST_COUNTED = 99_999  # by a bank within a year (MT940, field 28C)
EARLIEST = date(2000, 1, 1)
_LIMIT = Decimal(10) ** MOST_DIGITS
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

    :param continues: a later page: it opens with the intermediate balance at which the page before it ended
    """

    place: str
    account: str
    currency: str
    number: int | None  # the bank's own count of its statements
    opening: Decimal | None
    closing: Decimal | None
    lines: tuple[Line, ...]
    closed_on: date | None = None  # the day of its closing balance
    continues: bool = False

    @property
    def notifies(self) -> bool:
        return self.opening is None


def checked(one: StatementFile) -> StatementFile:
    """The statement itself.

    :raises BadFile: its balances and lines do not add up, it has too many, or one is of nothing, past what is reckoned with, or of a day
        long before
    """
    if len(one.lines) > MOST_LINES:
        raise BadFile(one.place, f"{len(one.lines)} lines, at most {MOST_LINES}")
    if (one.opening is None) != (one.closing is None):
        raise BadFile(one.place, "an opening and a closing balance belong together")
    total = _bounded(one.opening or Decimal(0), one.place)
    for line in one.lines:
        for name, longest in _LONGEST_TEXTS.items():
            if len(getattr(line, name)) > longest:
                raise BadFile(line.place, f"{name.replace('_', ' ')} longer than {longest} characters")
        if not line.amount:
            raise BadFile(line.place, "a movement of nothing")
        if line.booked_on < EARLIEST:
            raise BadFile(line.place, f"booked on {line.booked_on.isoformat()}, before {EARLIEST.year}")
        _bounded(line.amount, line.place)
        total = _bounded(total + line.amount, line.place)
    if one.closing is not None and total != one.closing:
        raise BadFile(one.place, f"opens at {one.opening}, its lines make it {total}, it says it closes at {one.closing}")
    return one


def _bounded(amount: Decimal, place: str) -> Decimal:
    if abs(amount) >= _LIMIT:
        raise BadFile(place, f"{amount}: at most {MOST_DIGITS} digits before the point")
    return amount


def number_of(text: str, place: str) -> int | None:
    """A bank's own count of its statements; None where it gives none.

    :raises BadFile: it is longer than ISO 20022 has it
    """
    if not (text.isascii() and text.isdigit()):
        return None
    if len(text) > MOST_DIGITS:
        raise BadFile(place, f"a number of {len(text)} digits, at most {MOST_DIGITS}")
    return int(text)


def may_follow(number: int, last: int) -> bool:
    """Whether a bank's own count goes on: with the next one, or anew with 1. One past any count has the day in it, and rises."""
    return number in {last + 1, 1} or number > max(last, MOST_COUNTED)


def digest_of(one: StatementFile) -> str:
    """SHA-256 of what a statement says, wherever in whatever file it stands, and however it writes its figures."""
    said = [one.account, one.currency, one.number, one.opening, one.closing, one.closed_on]
    lines = [[*astuple(line)][1:] for line in one.lines]
    return hashlib.sha256(repr([_plain(said), [_plain(line) for line in lines]]).encode()).hexdigest()


def _plain(fields: Sequence[object]) -> list[str]:
    return [money.text(x) if isinstance(x, Decimal) else str(x) for x in fields]


def direction(amount: Decimal, *, reversal: bool, charge: bool) -> str:
    """What a booked line is about, as far as its own words tell."""
    if charge and amount < 0:
        return "CHARGE"
    if reversal:
        return "RETURN"
    return "RECEIPT" if amount > 0 else "PAYMENT"


def one_line(parts: Sequence[str]) -> str:
    return " ".join(" ".join(parts).split())
