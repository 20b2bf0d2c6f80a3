"""A recording played back, and continued by the simulator from its last mid."""

from bisect import bisect_right
from datetime import datetime, timedelta
from decimal import Decimal

from apps.pricing.rules import OrderBook

from .ladder import ladder
from .recording import MINUTE, RECORDED_VENUE, Recording, mid_within
from .simulator import BTC_USD, Simulator

TICK = Decimal("0.01")


class Replay:
    """One venue, `recorded`. Bars give the mid of every second and the recorded shape its depth; books are shown as they are.

    Where a recording has a hole its last book stays, with its own stamp, and grows stale as it would have then. Before its first instant
    nothing is shown; from its end on, the simulator's venues.
    """

    def __init__(self, recording: Recording, *, seed: int) -> None:
        self.recording = recording
        self._starts = [bar.at for bar in recording.bars] or [book.at for book in recording.books]
        last = recording.bars[-1].close if recording.bars else recording.books[-1].mid
        self._after = Simulator(BTC_USD, seed=seed, start_at=recording.last_at, start=last)

    @property
    def pairs(self) -> tuple[str, ...]:
        return (self.recording.pair,)

    def books(self, now: datetime) -> list[OrderBook]:
        if now >= self.recording.last_at:
            return self._after.books(now)
        number = bisect_right(self._starts, now) - 1
        if number < 0:
            return []
        if self.recording.books:
            return [self.recording.books[number]]
        bar = self.recording.bars[number]
        at = min(bar.at + (now - bar.at) // timedelta(seconds=1) * timedelta(seconds=1), bar.at + MINUTE)
        bids, asks = ladder(mid_within(bar, at), TICK)
        return [OrderBook(RECORDED_VENUE, self.recording.pair, bids, asks, at)]
