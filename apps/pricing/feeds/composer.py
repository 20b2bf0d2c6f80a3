"""Composites out of a feed: venues merged, pairs crossed, volatility measured. A function of feed and instant."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from apps.pricing.errors import PriceUnavailable
from apps.pricing.rules import Composite, Health, cross, merge, sigma, with_sigma

from .base import Feed

CROSSES = {"BTC-EUR": ("BTC-USD", "EUR-USD")}
WINDOW_MINUTES = 60
MINUTE = timedelta(minutes=1)
# Annualised volatility taken until ten minutes are known: BTC as recorded, the others assumed (docs/market-data.md).
ASSUMED_SIGMA = {"BTC-USD": Decimal("0.72"), "ETH-USD": Decimal("0.9"), "EUR-USD": Decimal("0.08")}


class Composer:
    """Holds the mids of the last hour's full minutes; they are asked from the feed itself, so a gap in the asking changes nothing."""

    def __init__(self, feed: Feed, *, health: Health | None = None, crosses: Mapping[str, tuple[str, str]] = CROSSES) -> None:
        self._feed, self._health, self._crosses = feed, health or Health(), crosses
        self._minutes: dict[datetime, dict[str, Decimal]] = {}

    def composites(self, now: datetime) -> dict[str, Composite]:
        """One composite a pair, crosses included; one without a healthy source has empty sides and its sources with their reasons."""
        merged = self._merged(now)
        mids = self._recent(now)
        for pair, depth in merged.items():
            known = [(at, mids[at][pair]) for at in sorted(mids) if pair in mids[at]]
            measured = sigma(known)
            merged[pair] = with_sigma(depth, measured if measured is not None else ASSUMED_SIGMA.get(pair))
        out = dict(merged)
        for pair, (first, second) in self._crosses.items():
            if first in merged and second in merged:
                out[pair] = _crossed(pair, merged[first], merged[second])
        return out

    def _merged(self, now: datetime) -> dict[str, Composite]:
        books = self._feed.books(now)
        return {
            pair: merge(pair, [book for book in books if book.pair == pair], now, health=self._health)
            for pair in dict.fromkeys(self._feed.pairs)
        }

    def _recent(self, now: datetime) -> dict[datetime, dict[str, Decimal]]:
        last = now.replace(second=0, microsecond=0)
        wanted = [last - back * MINUTE for back in range(WINDOW_MINUTES)]
        self._minutes = {
            at: self._minutes[at] if at in self._minutes else {p: depth.mid for p, depth in self._merged(at).items() if depth.is_dealable}
            for at in wanted
        }
        return self._minutes


def _crossed(pair: str, first: Composite, second: Composite) -> Composite:
    try:
        return cross(pair, first, second)
    except PriceUnavailable:
        return Composite(pair, (), (), min(first.as_of, second.as_of), first.sources + second.sources)
