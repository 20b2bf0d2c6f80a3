"""Live venues through ccxt (the optional feed): order books by WebSocket where the venue has one, else by polling.

An event loop in a thread of its own keeps each venue's last books; `books` only reads them. A venue that stalls, drops, or sends what is no
book is told in `health`, has no book until it sends a sound one, and is connected again with growing, jittered waits. Numbers go from the
venue's text straight to Decimal; one that came as a float is refused. Nothing of ccxt is imported before a `Live` is made.
"""

import asyncio
import contextlib
import difflib
import json
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn

from apps.core import money
from apps.pricing.errors import FeedUnavailable, UnknownVenue
from apps.pricing.rules import Level, OrderBook, check_book

LEVELS = 25
MS, NONE = timedelta(milliseconds=1), timedelta(0)
APART = timedelta(seconds=1)
KEPT = 8  # books a pair and venue, so far apart: the composer asks for the full minute up to seconds after it
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Exchange = Any  # ccxt has no types
Connect = Callable[[str], Exchange]


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things may take. Waits between connections are drawn from zero to `first_wait` × 2ⁿ, at most `longest_wait` ("full jitter":
    Brooker, 2015).

    :param stall: without a book of a pair for so long the venue is connected anew
    :param unsound: a book that stays crossed, unsorted or negative for so long is fetched anew: an update was lost or lied
    :param frozen: a book that is sent again unchanged keeps its first stamp after so long, and so grows stale
    """

    connect: timedelta = timedelta(seconds=20)
    stall: timedelta = timedelta(seconds=30)
    unsound: timedelta = timedelta(seconds=10)
    frozen: timedelta = timedelta(seconds=30)
    poll: timedelta = timedelta(seconds=1)
    first_wait: timedelta = timedelta(milliseconds=500)
    longest_wait: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class VenueHealth:
    """How a venue does: `state` is connecting, up or down; `silent_ms` since its last message, None before the first."""

    venue: str
    state: str
    messages: int
    refused: int
    reconnects: int
    silent_ms: int | None
    why: str


class _Garbled(Exception):
    """What the venue sent is no book."""


@dataclass(slots=True)
class _Shown:
    """One book as it came in: levels, when (`_ticks`), how late by the venue's own stamp, and since when it is unchanged."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    came: timedelta
    late: timedelta
    since: timedelta


@dataclass(slots=True)
class _Venue:
    name: str
    state: str = "connecting"
    messages: int = 0
    refused: int = 0
    reconnects: int = 0
    heard: timedelta | None = None
    why: str = ""
    proven: bool = False  # a sound book came in this connection
    shown: dict[str, deque[_Shown]] = field(default_factory=dict)
    unsound: dict[str, timedelta] = field(default_factory=dict)  # pair → since when its book is wrong in itself

    def fail(self, why: str) -> None:
        self.state, self.why = "down", why[:200]
        self.shown.clear()
        self.unsound.clear()


class Live:
    """A feed of live venues. Call `close` when done; the thread is a daemon and dies with the process."""

    def __init__(self, venues: Sequence[str], pairs: Iterable[str], *, pace: Pace | None = None, connect: Connect | None = None) -> None:
        """
        :param connect: makes the ccxt client of a venue; by default the public one
        :raises FeedUnavailable: ccxt is not installed
        :raises UnknownVenue: ccxt knows no such venue
        """
        if connect is None:
            require_venues(venues)
        self._pairs, self._pace, self._connect = tuple(pairs), pace or Pace(), connect or connect_public
        self._lock = threading.Lock()
        self._venues = {name: _Venue(name) for name in venues}
        self._stop = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._anchor: tuple[datetime, timedelta] | None = None
        self._thread = threading.Thread(target=self._run, name="live-feed", daemon=True)
        self._thread.start()

    @property
    def pairs(self) -> tuple[str, ...]:
        return self._pairs

    def books(self, now: datetime) -> list[OrderBook]:
        """Ages are measured by this process's monotonic clock from when a book came in, plus how late it was by the venue's own stamp."""
        moment = self._moment(now)
        with self._lock:
            found = [
                (venue.name, pair, book)
                for venue in self._venues.values()
                for pair, books in venue.shown.items()
                if (book := next((b for b in reversed(books) if b.came <= moment), None)) is not None
            ]
        return [OrderBook(name, pair, book.bids, book.asks, now - self._age(book, moment)) for name, pair, book in found]

    def health(self) -> list[VenueHealth]:
        at = _ticks()
        with self._lock:
            return [
                VenueHealth(v.name, v.state, v.messages, v.refused, v.reconnects, None if v.heard is None else (at - v.heard) // MS, v.why)
                for v in self._venues.values()
            ]

    def close(self) -> None:
        """Hang up everywhere; returns when the thread has ended."""
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def _moment(self, now: datetime) -> timedelta:
        """This machine's instant of a desk instant: that of the latest `now` seen, less how far back this one lies."""
        with self._lock:
            if self._anchor is None or now > self._anchor[0]:
                self._anchor = (now, _ticks())
            latest, at = self._anchor
        return at - (latest - now)

    def _age(self, book: _Shown, moment: timedelta) -> timedelta:
        taken = book.since if book.came - book.since > self._pace.frozen else book.came
        return max(NONE, moment - taken) + book.late

    # --- in the thread ---------------------------------------------------------------------------------------------------
    def _run(self) -> None:
        money.use_exact_context()
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(lambda _loop, _context: None)  # ccxt leaves futures behind on a lost line; `health` tells of it
        try:
            self._loop.run_until_complete(self._all())
        finally:
            self._loop.close()

    async def _all(self) -> None:
        tasks = [asyncio.create_task(self._follow(venue)) for venue in self._venues.values()]
        await self._stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, venue: _Venue) -> NoReturn:
        failures = 0
        while True:
            with self._lock:
                venue.state, venue.proven = "connecting" if not failures else venue.state, False
            exchange: Exchange = None
            try:
                exchange = self._connect(venue.name)
                await self._session(venue, exchange)
            except Exception as lost:  # whatever ccxt or the venue made of it: this venue is down, the others go on
                why = f"{type(lost).__name__}: {lost}".strip().rstrip(":")
                with self._lock:
                    venue.fail(why)
                    venue.reconnects += 1
                    failures = 1 if venue.proven else failures + 1
            finally:
                if exchange is not None:
                    with contextlib.suppress(Exception):
                        async with asyncio.timeout(5):
                            await exchange.close()
            wait = min(self._pace.longest_wait, self._pace.first_wait * 2 ** min(failures - 1, 20))
            await asyncio.sleep(random.random() * wait.total_seconds())  # noqa: S311 (spreads connections; no secret)

    async def _session(self, venue: _Venue, exchange: Exchange) -> NoReturn:
        """One connection's life: it ends by an error only."""
        async with asyncio.timeout(self._pace.connect.total_seconds()):
            markets = await exchange.load_markets()
        exchange.number = Decimal  # only now: what it makes of a venue's list of markets, which is no price, wants floats
        listed = {pair: symbol for pair in self._pairs if (symbol := pair.replace("-", "/")) in markets}
        if not listed:
            raise LookupError(f"lists none of {', '.join(self._pairs)}")
        tasks = [asyncio.create_task(self._watch(venue, exchange, pair, symbol)) for pair, symbol in listed.items()]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            raise ConnectionError("the venue ended the stream")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self, venue: _Venue, exchange: Exchange, pair: str, symbol: str) -> NoReturn:
        streams = bool(exchange.has.get("watchOrderBook"))
        while True:
            ask = exchange.watch_order_book if streams else exchange.fetch_order_book
            try:
                async with asyncio.timeout(self._pace.stall.total_seconds()):  # `wait_for` of Python 3.11 can swallow the end of the feed
                    raw = await ask(symbol, LEVELS)
            except TimeoutError:
                raise TimeoutError(f"{pair}: no book for {self._pace.stall}") from None
            self._take(venue, pair, raw)
            if not streams:
                await asyncio.sleep(self._pace.poll.total_seconds())

    def _take(self, venue: _Venue, pair: str, raw: Any) -> None:
        at = _ticks()
        try:
            bids, asks = (_levels(raw[side]) for side in ("bids", "asks"))
            late = _late(raw.get("timestamp"))
        except (_Garbled, TypeError, KeyError, IndexError, AttributeError) as wrong:
            with self._lock:
                venue.messages, venue.refused, venue.heard = venue.messages + 1, venue.refused + 1, at
                venue.state, venue.why = "down", f"{pair}: {wrong}"[:200]
                venue.shown.pop(pair, None)
            return
        with self._lock:
            venue.messages, venue.heard = venue.messages + 1, at
            if bad := check_book(OrderBook(venue.name, pair, bids, asks, _EPOCH)):
                since = venue.unsound.setdefault(pair, at)
                venue.state, venue.why = "down", f"{pair}: {', '.join(bad)}"
                if at - since > self._pace.unsound:
                    raise _Garbled(f"{pair}: {', '.join(bad)} for {self._pace.unsound}")
            else:
                venue.unsound.pop(pair, None)
                venue.state, venue.why, venue.proven = "up", "", True
            books = venue.shown.setdefault(pair, deque(maxlen=KEPT))
            last = books[-1] if books else None
            same = last is not None and last.bids == bids and last.asks == asks
            book = _Shown(bids, asks, at, late, last.since if same and last is not None else at)
            if len(books) > 1 and at - books[-2].came < APART:
                books[-1] = book
            else:
                books.append(book)


def _levels(rows: Any) -> tuple[Level, ...]:
    return tuple(Level(_exact(row[0]), _exact(row[1])) for row in rows[:LEVELS])


def _exact(number: Any) -> Decimal:
    if not isinstance(number, Decimal):
        raise _Garbled(f"a number came as {type(number).__name__}")
    if not number.is_finite() or number.adjusted() > 20 or money.scale_of(number) > money.MAX_SCALE:
        raise _Garbled(f"{str(number)[:40]} is no price and no size")
    return number


def _late(stamp: Any) -> timedelta:
    """By how much the venue's own stamp lies behind this machine's clock; below zero: it runs before us. Nothing where it sends none."""
    if stamp is None:
        return NONE
    if not isinstance(stamp, int) or not 0 < stamp < 4_102_444_800_000:
        raise _Garbled(f"timestamp {str(stamp)[:40]} is not in milliseconds")
    late = timedelta(microseconds=time.time_ns() // 1000) - stamp * MS
    return late if late > NONE or late < -APART else NONE


def _ticks() -> timedelta:
    """This machine's monotonic clock."""
    return timedelta(microseconds=time.monotonic_ns() // 1000)


# --- ccxt, only when asked for ----------------------------------------------------------------------------------------------
def require_venues(venues: Sequence[str]) -> None:
    """
    :raises FeedUnavailable: ccxt is not installed
    :raises UnknownVenue: ccxt knows no such venue, or one is named twice
    """
    known: list[str] = _ccxt().exchanges
    for name in venues:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            raise UnknownVenue(f"{name!r} is no venue of ccxt{f'; {close[0]}?' if close else ''}", venue=name)
    if len(set(venues)) < len(venues) or not venues:
        raise UnknownVenue("name each venue once")


def connect_public(name: str) -> Exchange:
    """A client of a venue's public data, whose JSON keeps fractions as text."""
    ccxt = _ccxt()
    client = getattr(ccxt.pro, name, None) or getattr(ccxt.async_support, name)
    exchange = client({"enableRateLimit": True, "timeout": 10_000})
    exchange.on_json_response = _ExactJson.loads
    return exchange


class _ExactJson:
    """JSON for ccxt: its own parser makes floats of numbers before anybody can look; here a fraction stays the text that it was."""

    @staticmethod
    def loads(text: str | bytes) -> Any:
        return json.loads(text, parse_float=str, parse_constant=str)

    @staticmethod
    def dumps(document: Any) -> bytes:
        return json.dumps(document, separators=(",", ":")).encode()


def _ccxt() -> Any:
    try:
        import ccxt.async_support
        import ccxt.pro
        from ccxt.async_support.base.ws import client
    except ImportError as missing:
        raise FeedUnavailable("live venues need ccxt: install the requirements again") from missing
    client.json_parser = _ExactJson
    return ccxt
