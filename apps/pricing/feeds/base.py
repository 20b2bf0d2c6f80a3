"""What every feed is: the books it shows at an instant. Asked twice for the same instant it answers the same."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from apps.pricing.rules import OrderBook


class Feed(Protocol):
    """A source of order books. `pairs` are those it may show."""

    @property
    def pairs(self) -> tuple[str, ...]: ...

    def books(self, now: datetime) -> list[OrderBook]:
        """The last book of every venue at `now`, with its own stamp; fewer, or none, where a venue is silent."""
        ...


class Joined:
    """Several feeds as one."""

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self._feeds = feeds

    @property
    def pairs(self) -> tuple[str, ...]:
        return tuple(pair for feed in self._feeds for pair in feed.pairs)

    def books(self, now: datetime) -> list[OrderBook]:
        return [book for feed in self._feeds for book in feed.books(now)]


class Shifted:
    """A feed of another time played now: the instant `began` shows what the feed showed at `origin`, `speed` times as fast."""

    def __init__(self, feed: Feed, *, began: datetime, origin: datetime, speed: int = 1) -> None:
        self._feed, self._began, self._origin, self._speed = feed, began, origin, speed

    @property
    def pairs(self) -> tuple[str, ...]:
        return self._feed.pairs

    def books(self, now: datetime) -> list[OrderBook]:
        then = self._origin + (now - self._began) * self._speed
        return [replace(book, at=now - max(timedelta(0), then - book.at)) for book in self._feed.books(then)]
