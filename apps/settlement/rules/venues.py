"""What a venue says of money that came to us there or left, and how such a record is read from a file. No Django."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from apps.core import csvlines, money
from apps.core.csvlines import BadLine

COLUMNS = ("reference", "booked_at", "asset", "amount", "fee", "key", "transaction", "takes_back")
LONGEST = 1_000_000  # characters of a file
MOST = 10_000  # lines of it
EARLIEST, LATEST = 2000, 3000  # years: the calendar's ends have no day before or after them
_LENGTHS = {"reference": 80, "key": 35, "transaction": 80, "takes_back": 80}


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of a venue's record of deposits, withdrawals and fees, in units of the asset.

    :param reference: the venue's own, once an asset
    :param amount: positive came to us there, negative left; zero for a fee by itself
    :param fee: what the venue kept beside it, zero or more
    :param key: our end-to-end id, where the venue tells it
    :param transaction: what the rail calls it: the hash on the chain, the reference of the bank
    :param takes_back: the reference of the movement that this one undoes
    """

    reference: str
    asset: str
    amount: Decimal
    booked_at: datetime
    fee: Decimal = Decimal(0)
    key: str = ""
    transaction: str = ""
    takes_back: str = ""


def read_record(text: str, assets: Collection[str], now: datetime) -> list[Movement]:
    """A venue's record as CSV with the columns COLUMNS.

    :param assets: the codes that there are
    :raises BadLine: the line and the field are named
    """
    found: dict[tuple[str, str], Movement] = {}
    for line, cells in csvlines.read(text, COLUMNS, longest=LONGEST):
        one = _movement(line, cells, assets, now)
        if (one.asset, one.reference) in found:
            raise BadLine(line, "reference", f"{one.reference} stands twice")
        if len(found) == MOST:
            raise BadLine(line, "", f"more than {MOST} lines")
        found[one.asset, one.reference] = one
    return list(found.values())


def _movement(line: int, told: dict[str, str], assets: Collection[str], now: datetime) -> Movement:
    for name, most in _LENGTHS.items():
        if len(told[name]) > most or not told[name].isprintable():
            raise BadLine(line, name, f"up to {most} characters that can be printed")
    if not told["reference"]:
        raise BadLine(line, "reference", "the venue's own name of it")
    if told["asset"] not in assets:
        raise BadLine(line, "asset", f"{told['asset'][:40] or 'nothing'} is no asset of ours")
    amount, fee = (_amount(line, name, told[name]) for name in ("amount", "fee"))
    if fee < 0:
        raise BadLine(line, "fee", "zero or more")
    if not (amount or fee):
        raise BadLine(line, "amount", "what came or left, or else a fee")
    at = _moment(line, told["booked_at"])
    if at > now:
        raise BadLine(line, "booked_at", f"{at.isoformat()} has not come")
    return Movement(told["reference"], told["asset"], amount, at, fee, told["key"], told["transaction"], told["takes_back"])


def _amount(place: int, name: str, text: str) -> Decimal:
    try:
        return money.parse_signed(text or "0")
    except money.NotAnAmount as no:
        raise BadLine(place, name, str(no)) from None


def _moment(place: int, text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadLine(place, "booked_at", "such as 2026-09-15T14:30:00Z") from None
    if at.tzinfo is None:
        raise BadLine(place, "booked_at", "with its zone, such as 2026-09-15T14:30:00Z")
    if not EARLIEST <= at.year < LATEST:
        raise BadLine(place, "booked_at", f"no venue booked anything in {at.year}")
    return at.astimezone(UTC)
