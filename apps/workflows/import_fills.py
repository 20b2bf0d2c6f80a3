"""Take in a file of fills: each line a hedge that an LP or venue executed for us, booked once by its execution id."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.clients import queries as clients
from apps.core import money
from apps.core.errors import NotFound
from apps.core.unit import use_case
from apps.instruments import queries as instruments
from apps.instruments import rules as calendar
from apps.instruments.models import Book, Pair
from apps.ledger import operations as ledger
from apps.trades import operations as trades
from apps.trades import queries as trade_queries
from apps.trades.errors import BadFill, DuplicateExecution
from apps.trades.rules import Economics, hedge_lines

COLUMNS = ("counterparty", "execution_id", "instrument", "side", "quantity", "price", "fee", "executed_at")
LONGEST_FILE = 10 * 1024 * 1024
TOO_MUCH = Decimal(10) ** 20  # what the ledger's columns cannot hold
YEARS = range(1970, 3000)  # outside, a business date has no day before or after it


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
def import_fills(*, text: str, book_code: str, made_by: UUID | None, now: datetime) -> Imported:
    """Book all fills of a CSV file, or none.

    :param text: the file; a header line with COLUMNS, then a line a fill
    :raises BadFill: a line is wrong; `line` and `field` say which
    :raises DuplicateExecution: an execution id was booked before, or comes twice, with other figures
    """
    fills = list(read_fills(text))
    book = instruments.get_book(book_code)
    pairs = {pair.code: pair for pair in instruments.list_pairs()}
    _require_unique(fills)
    booked = 0
    for fill in fills:
        pair = pairs.get(fill.instrument)
        if pair is None:
            raise BadFill(f"line {fill.line}, instrument: {fill.instrument} is not one of ours", line=fill.line, field="instrument")
        booked += _book(fill, pair, book, made_by, now)
    return Imported(booked, len(fills) - booked)


def read_fills(text: str) -> Iterator[Fill]:
    """Parse a file of fills.

    :raises BadFill: a header or line is wrong; `line` and `field` say which
    """
    if len(text) > LONGEST_FILE:
        raise BadFill(f"the file is larger than {LONGEST_FILE} bytes", line=0, field="")
    if (nul := text.find("\0")) >= 0:
        line = text.count("\n", 0, nul) + 1
        raise BadFill(f"line {line}: holds a NUL character", line=line, field="")
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        header = next(reader, [])
        if tuple(header) != COLUMNS:
            raise BadFill(f"line 1: the header must be {','.join(COLUMNS)}", line=1, field="")
        for row in reader:
            if row:
                yield _fill(reader.line_num, row)
    except csv.Error as no:
        raise BadFill(f"line {reader.line_num}: not CSV: {no}", line=reader.line_num, field="") from no


def _fill(line: int, row: list[str]) -> Fill:
    if len(row) != len(COLUMNS):
        raise BadFill(f"line {line}: {len(row)} columns, not {len(COLUMNS)}", line=line, field="")
    given = dict(zip(COLUMNS, (cell.strip() for cell in row), strict=True))
    if given["side"] not in {"buy", "sell"}:
        raise BadFill(f"line {line}, side: buy or sell", line=line, field="side")
    if not 1 <= len(given["execution_id"]) <= 64:
        raise BadFill(f"line {line}, execution_id: 1 to 64 characters", line=line, field="execution_id")
    numbers: dict[str, Decimal] = {}
    for name in ("quantity", "price", "fee"):
        try:
            numbers[name] = money.parse(given[name])
        except money.NotAnAmount as no:
            raise BadFill(f"line {line}, {name}: {no}", line=line, field=name) from None
        if numbers[name] == 0 and name != "fee":
            raise BadFill(f"line {line}, {name}: above zero", line=line, field=name)
    try:
        at = datetime.fromisoformat(given["executed_at"])
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or at.year not in YEARS:
        raise BadFill(f"line {line}, executed_at: a time with its zone", line=line, field="executed_at")
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


def _require_unique(fills: list[Fill]) -> None:
    seen: dict[tuple[str, str], int] = {}
    for fill in fills:
        before = seen.setdefault((fill.counterparty, fill.execution_id), fill.line)
        if before != fill.line:
            raise DuplicateExecution(
                f"line {fill.line}, execution_id: {fill.execution_id} stands on line {before} already", line=fill.line, field="execution_id"
            )


def _book(fill: Fill, pair: Pair, book: Book, made_by: UUID | None, now: datetime) -> int:
    try:
        lp = clients.get_client(fill.counterparty)
    except NotFound:
        raise BadFill(f"line {fill.line}, counterparty: {fill.counterparty} is not known", line=fill.line, field="counterparty") from None
    if not {"LP", "VENUE"} & set(lp.roles):
        raise BadFill(f"line {fill.line}, counterparty: {fill.counterparty} is no LP or venue", line=fill.line, field="counterparty")
    if money.scale_of(fill.quantity) > pair.base.scale or money.scale_of(fill.fee) > pair.quote.scale:
        raise BadFill(f"line {fill.line}: more decimals than {pair.code} settles in", line=fill.line, field="quantity")
    buys = fill.side == "buy"
    gross = fill.quantity * fill.price
    quote_quantity = money.round_up(gross, pair.quote.scale) if buys else money.round_down(gross, pair.quote.scale)
    if quote_quantity <= 0:
        raise BadFill(f"line {fill.line}, quantity: worth less than one unit", line=fill.line, field="quantity")
    if quote_quantity + fill.fee >= TOO_MUCH:
        raise BadFill(f"line {fill.line}, quantity: worth more than can be booked", line=fill.line, field="quantity")
    old = trade_queries.find_execution(lp.id, fill.execution_id)
    if old is not None:
        version = trade_queries.get_version(old)
        if (old.pair_id, version.side, version.quantity, version.price, version.fee) != (
            fill.instrument,
            fill.side,
            fill.quantity,
            fill.price,
            fill.fee,
        ):
            raise DuplicateExecution(
                f"line {fill.line}, execution_id: {fill.execution_id} was booked with other figures", line=fill.line, field="execution_id"
            )
        return 0
    trade_date = calendar.business_date(fill.executed_at, calendar.Roll(book.entity.roll, book.entity.zone))
    trade, version = trades.book_hedge(
        counterparty_id=lp.id,
        entity_id=book.entity_id,
        book_id=book.id,
        pair_id=pair.code,
        base=pair.base_id,
        quote=pair.quote_id,
        execution_id=fill.execution_id,
        side=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        quote_quantity=quote_quantity,
        fee=fill.fee,
        value_date=trade_date,
        trade_date=trade_date,
        source="FILE",
        covers_id=None,
        made_by=made_by,
        executed_at=fill.executed_at,
        now=now,
    )
    ledger.post(
        key=f"trade:{trade.id}:1",
        kind="HEDGE",
        source_type="trade",
        source_id=trade.id,
        lines=hedge_lines(
            Economics(fill.side, pair.base_id, pair.quote_id, version.pays, version.receives, version.fee),
            entity_id=book.entity_id,
            book_id=book.id,
            venue_id=lp.id,
        ),
        effective_at=fill.executed_at,
        business_date=trade_date,
        narrative=f"hedge {fill.execution_id}",
    )
    return 1
