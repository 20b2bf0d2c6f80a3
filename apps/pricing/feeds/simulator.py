"""Crypto books out of a seed: three venues that disagree slightly, fall silent, freeze, cross and lie now and then.

Every book is a function of (seed, pair, second), so it does not matter how often or in which order it is asked for. The day's path is a
walk of minutes with a volatility drawn by the hour, and a bridge of seconds inside each minute. Figures: docs/market-data.md.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from apps.pricing.rules import OrderBook

from .draws import normal, whole
from .ladder import ladder

MINUTE_S = 60
_GRAIN = Decimal("0.00000001")
_BPS = Decimal(10_000)
_ROOT_60 = Decimal(MINUTE_S).sqrt()
# Root mean square of one-minute returns in bps, in each tenth of the recorded month's hours (quiet to wild).
HOURLY_BPS = tuple(Decimal(bps) for bps in ("3.83", "4.60", "5.19", "5.82", "6.57", "7.59", "8.50", "9.69", "12.39", "21.42"))


@dataclass(frozen=True, slots=True)
class Market:
    """A simulated pair: where it starts, how much it moves against BTC, its tick, and how many units stand where one BTC stood."""

    pair: str
    start: Decimal
    beta: Decimal
    tick: Decimal
    size: Decimal


@dataclass(frozen=True, slots=True)
class Venue:
    name: str
    wider_bps: Decimal
    size: Decimal


BTC_USD = Market("BTC-USD", start=Decimal(41_931), beta=Decimal(1), tick=Decimal("0.01"), size=Decimal(1))
ETH_USD = Market("ETH-USD", start=Decimal(3_000), beta=Decimal("1.25"), tick=Decimal("0.01"), size=Decimal(14))
VENUES = (
    Venue("alder", wider_bps=Decimal("0.3"), size=Decimal(1)),
    Venue("birch", wider_bps=Decimal("0.6"), size=Decimal("0.8")),
    Venue("cedar", wider_bps=Decimal("1"), size=Decimal("1.4")),
)


class Simulator:
    """One pair from `start_at` on; before it nothing is shown."""

    def __init__(self, market: Market, *, seed: int, start_at: datetime, start: Decimal | None = None) -> None:
        """
        :param start: the mid at `start_at`; by default the market's own, moved by up to 3 % by the seed
        """
        self.market, self.start_at = market, start_at
        self._name = f"{seed}|{market.pair}"
        if start is None:
            start = market.start * (1 + Decimal(whole(f"{self._name}|start", 601) - 300) / _BPS)
        self._minutes = [start.quantize(_GRAIN)]
        self._inside = lru_cache(maxsize=4)(self._bridge)

    @property
    def pairs(self) -> tuple[str, ...]:
        return (self.market.pair,)

    def books(self, now: datetime) -> list[OrderBook]:
        second = (now - self.start_at) // timedelta(seconds=1)
        if second < 0:
            return []
        return [book for venue in VENUES if (book := self._book(venue, second)) is not None]

    def mid(self, second: int) -> Decimal:
        """The path that the venues scatter around, `second` seconds after the start."""
        minute, rest = divmod(second, MINUTE_S)
        return self._node(minute) if not rest else self._inside(minute)[rest]

    def _book(self, venue: Venue, second: int) -> OrderBook | None:
        minute, inside = divmod(second, MINUTE_S)
        name = f"{self._name}|{venue.name}|{minute}"
        luck, begins = whole(f"{name}|luck", 1000), whole(f"{name}|begins", 40)
        mid_shift = self._disagreement(venue, second)
        if luck < 5:  # silent for the minute
            return None
        if luck < 25 and begins < inside < begins + 20:  # frozen: the book of 1 to 19 seconds ago, with its stamp
            second = minute * MINUTE_S + begins
        elif luck < 28 and begins <= inside < begins + 5:  # crossed in itself
            return self._shown(venue, second, mid_shift, wider=Decimal(-5))
        elif luck < 30 and begins <= inside < begins + 5:  # a million off would be too easy: 2 % off
            mid_shift += 200
        return self._shown(venue, second, mid_shift, wider=venue.wider_bps)

    def _shown(self, venue: Venue, second: int, shift_bps: Decimal, *, wider: Decimal) -> OrderBook:
        # Sizes breathe by up to half, the same on all levels, every five seconds.
        breath = Decimal(50 + whole(f"{self._name}|{venue.name}|size|{second // 5}", 101)) / 100
        mid = (self.mid(second) * (1 + shift_bps / _BPS)).quantize(_GRAIN)
        bids, asks = ladder(mid, self.market.tick, wider_bps=wider, size=self.market.size * venue.size * breath)
        return OrderBook(venue.name, self.market.pair, bids, asks, self.start_at + timedelta(seconds=second))

    def _disagreement(self, venue: Venue, second: int) -> Decimal:
        """How far a venue's mid lies off the path, in bps: about ±0.5, drifting from one five-minute point to the next."""
        point, rest = divmod(second, 300)
        here, there = (normal(f"{self._name}|{venue.name}|off|{at}") / 2 for at in (point, point + 1))
        return here + (there - here) * rest / 300

    def _node(self, minute: int) -> Decimal:
        while len(self._minutes) <= minute:
            number = len(self._minutes) - 1
            step = normal(f"{self._name}|minute|{number}") * self._minute_bps(number) / _BPS
            self._minutes.append((self._minutes[-1] * (1 + step)).quantize(_GRAIN))
        return self._minutes[minute]

    def _minute_bps(self, minute: int) -> Decimal:
        return HOURLY_BPS[whole(f"{self._name}|hour|{minute // 60}", len(HOURLY_BPS))] * self.market.beta

    def _bridge(self, minute: int) -> list[Decimal]:
        """The mids of one minute's seconds: a walk that is bent to end where the next minute starts."""
        here, there = self._node(minute), self._node(minute + 1)
        scale = here * self._minute_bps(minute) / _BPS / _ROOT_60
        walk, at = [Decimal(0)], Decimal(0)
        for second in range(MINUTE_S):
            at += normal(f"{self._name}|second|{minute * MINUTE_S + second}") * scale
            walk.append(at)
        return [(here + (there - here - at) * second / MINUTE_S + walk[second]).quantize(_GRAIN) for second in range(MINUTE_S)]
