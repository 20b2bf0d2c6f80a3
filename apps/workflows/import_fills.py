"""Take in a file of fills: each line a hedge that an LP or venue executed for us, booked once by its execution id."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.core import csvlines, flights, money
from apps.core.csvlines import BadLine
from apps.core.unit import use_case
from apps.pricing.rules import Composite
from apps.trades.errors import BadFill, BadHedge, DuplicateExecution

from .book_hedge import book_execution
from .check_hedge import YEARS, Execution
from .hedge_lookups import Lookups

COLUMNS = ("counterparty", "execution_id", "instrument", "side", "quantity", "price", "fee", "executed_at")
TOGETHER = 200  # fills that are written in one round trip
LONGEST_FILE = 10 * 1024 * 1024  # characters


@dataclass(frozen=True, slots=True)
class Fill:
    """One line: quantity in base, price in quote per base, fee in the quote asset, instant with its zone."""

    line: int
    counterparty: str
    execution_id: str
    instrument: str
    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    executed_at: datetime


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file brought: booked now, or there already with the same figures."""

    booked: int
    known: int


@use_case
def import_fills(
    *, text: str, book_code: str, made_by: UUID | None, now: datetime, mids: Mapping[str, Composite] | None = None
) -> Imported:
    """Book all fills of a CSV file, or none.

    :param text: the file; a header line with COLUMNS, then a line a fill
    :param mids: composites by pair, read before: the reference of a fill that was dealt within seconds of one
    :raises BadFill: a line is wrong; `line` and `field` say which
    :raises DuplicateExecution: an execution id was booked before, or comes twice, with other figures
    """
    fills = list(read_fills(text))
    require_unique(fills)
    lookups, booked = Lookups([(fill.counterparty, fill.execution_id) for fill in fills]), 0
    for number, fill in enumerate(fills, start=1):
        execution = Execution(**{name: getattr(fill, name) for name in COLUMNS}, book=book_code)
        with _of_line(fill.line):
            booked += book_execution(execution=execution, source="FILE", made_by=made_by, mids=mids, now=now, lookups=lookups).is_new
        if number % TOGETHER == 0:
            flights.flush()
    return Imported(booked, len(fills) - booked)


@contextmanager
def _of_line(line: int) -> Iterator[None]:
    """A refused hedge told as the line and field of the file."""
    try:
        yield
    except (BadHedge, DuplicateExecution) as no:
        field = str(no.extra["pointer"]).removeprefix("/")
        kind = DuplicateExecution if isinstance(no, DuplicateExecution) else BadFill
        raise kind(f"line {line}, {field}: {no.detail}", line=line, field=field) from no


def read_fills(text: str) -> Iterator[Fill]:
    """Parse a file of fills.

    :raises BadFill: a header or line is wrong; `line` and `field` say which
    """
    try:
        for line, cells in csvlines.read(text, COLUMNS, longest=LONGEST_FILE):
            yield _fill(line, cells)
    except BadLine as no:
        raise BadFill(str(no), line=no.line, field=no.field) from None


def _fill(line: int, given: dict[str, str]) -> Fill:
    if given["side"] not in {"buy", "sell"}:
        raise BadLine(line, "side", "buy or sell")
    if not 1 <= len(given["execution_id"]) <= 64:
        raise BadLine(line, "execution_id", "1 to 64 characters")
    numbers: dict[str, Decimal] = {}
    for name in ("quantity", "price", "fee"):
        try:
            numbers[name] = money.parse(given[name])
        except money.NotAnAmount as no:
            raise BadLine(line, name, str(no)) from None
        if numbers[name] == 0 and name != "fee":
            raise BadLine(line, name, "above zero")
    try:
        at = datetime.fromisoformat(given["executed_at"])
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or at.year not in YEARS:
        raise BadLine(line, "executed_at", "a time with its zone")
    return Fill(
        line=line,
        counterparty=given["counterparty"],
        execution_id=given["execution_id"],
        instrument=given["instrument"],
        side=given["side"],
        quantity=numbers["quantity"],
        price=numbers["price"],
        fee=numbers["fee"],
        executed_at=at,
    )


def require_unique(fills: Sequence[Fill]) -> None:
    """:raises DuplicateExecution: an execution stands twice in one file; both lines are named"""
    seen: dict[tuple[str, str], int] = {}
    for fill in fills:
        before = seen.setdefault((fill.counterparty, fill.execution_id), fill.line)
        if before != fill.line:
            raise DuplicateExecution(
                f"line {fill.line}, execution_id: {fill.execution_id} stands on line {before} already", line=fill.line, field="execution_id"
            )
