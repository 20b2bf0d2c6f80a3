"""Reading recorded prices. Every number goes from text straight to Decimal; a bad file is refused with its name and line.

Three layouts, each plain or gzipped, told apart by their header:
* one-minute bars `timestamp,open,high,low,close[,volume]`, the stamp (UTC where it names no zone) being the minute's beginning;
* Tardis.dev `book_snapshot_25`: `exchange,symbol,timestamp,local_timestamp,asks[0].price,…`, stamps in microseconds;
* Binance depth: a snapshot and the updates after it, `symbol,timestamp,first_update_id,last_update_id,side,update_type,price,qty,pu` in
  milliseconds, in one file, or as NAME-snap.csv with NAME-update.csv beside it.
"""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

from apps.core import money
from apps.pricing.errors import BadRecording
from apps.pricing.rules import Level, OrderBook

BAR_COLUMNS = ("timestamp", "open", "high", "low", "close")
SNAPSHOT_COLUMNS = ("exchange", "symbol", "timestamp", "local_timestamp")
DEPTH_COLUMNS = ("symbol", "timestamp", "first_update_id", "last_update_id", "side", "update_type", "price", "qty", "pu")
DEPTH_LEVELS = 25
MINUTE = timedelta(minutes=1)
RECORDED_VENUE = "recorded"
# A dollar stablecoin's book, spot or perpetual, stands for the dollar's (docs/market-data.md).
PAIRS = {"BTCUSDT": "BTC-USD", "BTCUSD": "BTC-USD", "BTC-PERP": "BTC-USD", "BTC-USD": "BTC-USD", "BTC-USDT": "BTC-USD", "XBTUSD": "BTC-USD"}
_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,18})?", re.ASCII)
_OTHER_BARS = re.compile(r"(eth|(aud|cad|chf|eur|gbp|jpy|nzd|usd){2})", re.IGNORECASE)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = 4_102_444_800  # year 2100, in seconds: a stamp past it is in another unit


@dataclass(frozen=True, slots=True)
class Bar:
    """One minute's first, highest, lowest and last price."""

    at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal


@dataclass(frozen=True, slots=True)
class Recording:
    """What a file holds: bars or books (one of them is empty), in order of time."""

    pair: str
    bars: tuple[Bar, ...] = ()
    books: tuple[OrderBook, ...] = ()

    @property
    def first_at(self) -> datetime:
        return self.bars[0].at if self.bars else self.books[0].at

    @property
    def last_at(self) -> datetime:
        """When it ends: a bar lasts its minute."""
        return self.bars[-1].at + MINUTE if self.bars else self.books[-1].at


class _Lines:
    """The rows of a file, with its name and the line that is being read for every complaint."""

    def __init__(self, path: Path) -> None:
        self.path, self.line = path, 0

    def rows(self) -> Iterator[list[str]]:
        opened = gzip.open if self.path.suffix == ".gz" else open
        try:
            # Bytes that are no UTF-8 become characters that no field accepts, so the complaint names the very line.
            with opened(self.path, "rt", encoding="utf-8", errors="surrogateescape", newline="") as text:
                reader = csv.reader(text, strict=True)
                for row in reader:
                    self.line = reader.line_num
                    yield row
        except FileNotFoundError:
            self.refuse("there is no such file")
        except (EOFError, OSError, zlib.error) as wrong:
            gzipped = self.path.suffix == ".gz" and not getattr(wrong, "strerror", None)
            self.refuse(
                f"is not sound gzip from here on: {wrong}" if gzipped else f"cannot be read: {getattr(wrong, 'strerror', None) or wrong}"
            )
        except csv.Error as wrong:
            self.refuse(f"is not CSV: {wrong}", after=1)

    def refuse(self, why: str, *, after: int = 0) -> NoReturn:
        line = self.line + after
        where = f"{self.path.name}, line {line}" if line else self.path.name
        raise BadRecording(f"{where}: {why}", file=self.path.name, line=line)

    def number(self, text: str, name: str, *, zero: bool = False) -> Decimal:
        if not _NUMBER.fullmatch(text):
            self.refuse(f"{name} is {text[:40]!r}, not a plain number above zero")
        value = Decimal(text)
        if not value and not zero:
            self.refuse(f"{name} is zero")
        return value

    def stamp(self, text: str) -> datetime:
        if not (text.isascii() and text.isdigit() and len(text) < 20) or not 0 < int(text) // 1_000_000 < _LATEST:
            self.refuse(f"timestamp is {text[:40]!r}, not microseconds since 1970")
        return _EPOCH + timedelta(microseconds=int(text))

    def whole(self, text: str, name: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 20):
            self.refuse(f"{name} is {text[:40]!r}, not a whole number")
        return int(text)

    def moment(self, text: str) -> datetime:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            self.refuse(f"timestamp is {text[:40]!r}, not a date and time")
        if not 1970 < at.year < 2100:
            self.refuse(f"timestamp is in the year {at.year}")
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)

    def pair(self, symbol: str) -> str:
        pair = PAIRS.get(symbol.upper())
        if pair is None:
            self.refuse(f"symbol {symbol[:40]!r} is not one that can be replayed: {', '.join(PAIRS)}")
        return pair


def read(path: Path) -> Recording:
    """Read a recording whole.

    :raises BadRecording: it is missing, empty, cut off, in no known layout, or a line is wrong; `extra` has `file` and `line`
    """
    lines = _Lines(path)
    rows = lines.rows()
    header = next(rows, None)
    if header is None:
        lines.refuse("is empty")
    if tuple(header) in (BAR_COLUMNS, (*BAR_COLUMNS, "volume")):
        if _OTHER_BARS.match(path.name):
            lines.refuse("is named as bars of another pair than BTC-USD: bars name none themselves")
        recording = Recording("BTC-USD", bars=tuple(_bars(lines, rows, len(header))))
    elif tuple(header[:4]) == SNAPSHOT_COLUMNS:
        recording = _recording(lines, list(_snapshots(lines, rows, header)))
    elif tuple(header) == DEPTH_COLUMNS:
        recording = _recording(lines, _depth_books(lines, rows, path))
    else:
        lines.refuse("the header is of no known layout: 1-minute bars, Tardis book_snapshot or Binance depth")
    if not (recording.bars or recording.books):
        lines.refuse("holds a header and no prices")
    return recording


def _recording(lines: _Lines, books: list[OrderBook]) -> Recording:
    for earlier, later in pairwise(books):
        if earlier.pair != later.pair:
            lines.refuse(f"holds {earlier.pair} and {later.pair}: one pair a file")
    return Recording(books[0].pair if books else "", books=tuple(books))


def _bars(lines: _Lines, rows: Iterator[list[str]], width: int) -> Iterator[Bar]:
    last: datetime | None = None
    for row in rows:
        if len(row) != width:
            lines.refuse(f"has {len(row)} columns instead of {width}")
        at = lines.moment(row[0])
        if last is not None and at <= last:
            lines.refuse(f"time goes back: {row[0]} after {last.isoformat()}")
        opened, high, low, close = (lines.number(text, name) for text, name in zip(row[1:5], BAR_COLUMNS[1:], strict=True))
        if width == 6:
            lines.number(row[5], "volume", zero=True)
        if high < low:
            lines.refuse(f"high {high} is below low {low}")
        if not low <= opened <= high or not low <= close <= high:
            lines.refuse(f"open {opened} or close {close} is outside low {low} to high {high}")
        last = at
        yield Bar(at, opened, high, low, close)


def _snapshots(lines: _Lines, rows: Iterator[list[str]], header: list[str]) -> Iterator[OrderBook]:
    depth = (len(header) - len(SNAPSHOT_COLUMNS)) // 4
    wanted = [f"{side}[{level}].{what}" for level in range(depth) for side in ("asks", "bids") for what in ("price", "amount")]
    if not depth or header[4:] != wanted:
        lines.refuse("the header is not asks[n].price, asks[n].amount, bids[n].price, bids[n].amount from n = 0 on")
    last: datetime | None = None
    for row in rows:
        if len(row) != len(header):
            lines.refuse(f"has {len(row)} columns instead of {len(header)}")
        at = lines.stamp(row[2])
        if last is not None and at < last:
            lines.refuse(f"time goes back: {at.isoformat()} after {last.isoformat()}")
        numbers = [lines.number(text, name) for text, name in zip(row[4:], wanted, strict=True)]
        asks = tuple(Level(*numbers[n : n + 2]) for n in range(0, len(numbers), 4))
        bids = tuple(Level(*numbers[n : n + 2]) for n in range(2, len(numbers), 4))
        last = at
        yield OrderBook(RECORDED_VENUE, lines.pair(row[1]), bids, asks, at)


@dataclass(slots=True)
class _Depth:
    """A book that grows out of a snapshot and updates, none of which may be missing."""

    pair: str = ""
    last_id: int = -1
    updated: bool = False
    sides: dict[str, dict[Decimal, Decimal]] = field(default_factory=lambda: {"b": {}, "a": {}})

    def set(self, side: str, price: Decimal, quantity: Decimal) -> None:
        if quantity:
            self.sides[side][price] = quantity
        else:
            self.sides[side].pop(price, None)

    def book(self, at: datetime) -> OrderBook:
        bids, asks = sorted(self.sides["b"], reverse=True)[:DEPTH_LEVELS], sorted(self.sides["a"])[:DEPTH_LEVELS]
        return OrderBook(
            RECORDED_VENUE,
            self.pair,
            tuple(Level(price, self.sides["b"][price]) for price in bids),
            tuple(Level(price, self.sides["a"][price]) for price in asks),
            at,
        )


def _depth_books(lines: _Lines, rows: Iterator[list[str]], path: Path) -> list[OrderBook]:
    """The book after the snapshot and after each update."""
    depth, books = _Depth(), _depth_events(lines, rows)
    out = list(_grown(lines, depth, books))
    updates = path.with_name(path.name.replace("-snap.", "-update."))
    if updates != path and updates.is_file():
        more = _Lines(updates)
        rows = more.rows()
        if tuple(next(rows, [])) != DEPTH_COLUMNS:
            more.refuse("the header is not that of the snapshot beside it")
        out += _grown(more, depth, _depth_events(more, rows))
    return out


def _depth_events(lines: _Lines, rows: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    """Rows of one message, which share their ids."""
    together: list[list[str]] = []
    for row in rows:
        if len(row) != len(DEPTH_COLUMNS):
            lines.refuse(f"has {len(row)} columns instead of {len(DEPTH_COLUMNS)}")
        if row[4] not in {"a", "b"} or row[5] not in {"snap", "set"}:
            lines.refuse(f"side {row[4][:10]!r} or update_type {row[5][:10]!r} is not known")
        if together and row[:4] != together[0][:4]:
            yield together
            together = []
        together.append(row)
    if together:
        yield together


def _grown(lines: _Lines, depth: _Depth, events: Iterator[list[list[str]]]) -> Iterator[OrderBook]:
    for rows in events:
        symbol, stamp, first, last = rows[0][:4]
        ids = [lines.whole(text, name) for text, name in ((first, "first_update_id"), (last, "last_update_id"))]
        pair, at = lines.pair(symbol), lines.stamp(f"{stamp}000")
        if rows[0][5] == "snap":
            depth.pair, depth.sides, depth.updated = pair, {"b": {}, "a": {}}, False
        elif depth.last_id < 0:
            lines.refuse("begins with an update: without a snapshot there is no book")
        elif pair != depth.pair:
            lines.refuse(f"holds {depth.pair} and {pair}: one pair a file")
        elif ids[1] <= depth.last_id:
            continue  # older than the snapshot
        elif (lines.whole(rows[0][8], "pu") != depth.last_id) if depth.updated else ids[0] > depth.last_id + 1:
            lines.refuse(f"updates after {depth.last_id} are missing: the next is {first}")
        for row in rows:
            depth.set(row[4], lines.number(row[6], "price"), lines.number(row[7], "qty", zero=row[5] == "set"))
        depth.updated, depth.last_id = rows[0][5] == "set", ids[1]
        for side, name in (("b", "bids"), ("a", "asks")):
            if not depth.sides[side]:
                lines.refuse(f"the book holds no {name}: one side is no price")
        yield depth.book(at)


def mid_within(bar: Bar, at: datetime) -> Decimal:
    """The mid inside a bar's minute: open, then the extreme the close turned away from, then the other, then close, in straight lines."""
    by_way = (bar.low, bar.high) if bar.close >= bar.open else (bar.high, bar.low)
    corners = (bar.open, *by_way, bar.close)
    part, rest = divmod(max(0, min((at - bar.at) // timedelta(microseconds=1), 60_000_000 - 1)), 20_000_000)
    here, there = corners[part], corners[part + 1]
    return money.round_even(here + (there - here) * rest / 20_000_000, 8)
