"""Composites out of a feed: venues merged, pairs crossed, volatility measured. A function of feed, recipe and instant."""

from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median

from apps.pricing.errors import PriceUnavailable
from apps.pricing.rules import Composite, Recipe, cross, merge, sigma, with_sigma

from .base import Feed

WINDOW_MINUTES = 60
JUMP_MINUTES = 5  # a price is held against the median of so many minutes before
MINUTE = timedelta(minutes=1)
# Annualised volatility taken until ten minutes are known: BTC as recorded, the others assumed (docs/market-data.md).
ASSUMED_SIGMA = {"BTC-USD": Decimal("0.72"), "ETH-USD": Decimal("0.9"), "EUR-USD": Decimal("0.08")}
Mids = dict[datetime, dict[str, Decimal]]


class Composer:
    """Holds the mids of the last hour's full minutes; they are asked from the feed itself, so a gap in the asking changes nothing."""

    def __init__(self, feed: Feed, recipe: Recipe) -> None:
        self._feed, self.recipe = feed, recipe
        self._minutes: Mids = {}

    def composites(self, now: datetime) -> dict[str, Composite]:
        """One composite a pair, crosses included; one without a healthy source has empty sides and its sources with their reasons."""
        mids = self._recent(now)
        merged = self._merged(now, {pair: found for pair in self._feed.pairs if (found := _before(mids, pair, now)) is not None})
        for pair, depth in merged.items():
            known = [(at, mids[at][pair]) for at in sorted(mids) if pair in mids[at]]
            measured = sigma(known)
            merged[pair] = with_sigma(depth, measured if measured is not None else ASSUMED_SIGMA.get(pair))
        out = dict(merged)
        for pair, (first, second) in self.recipe.crosses.items():
            if first in merged and second in merged:
                out[pair] = _crossed(pair, merged[first], merged[second])
        return out

    def _merged(self, now: datetime, before: dict[str, Decimal]) -> dict[str, Composite]:
        books = self._feed.books(now)
        return {
            pair: merge(
                pair,
                [book for book in books if book.pair == pair],
                now,
                health=self.recipe.health.get(pair),
                fees_bps=self.recipe.fees_bps,
                before=before.get(pair),
            )
            for pair in dict.fromkeys(self._feed.pairs)
        }

    def _recent(self, now: datetime) -> Mids:
        last = now.replace(second=0, microsecond=0)
        wanted = [last - back * MINUTE for back in range(WINDOW_MINUTES)]
        self._minutes = {at: self._minutes[at] if at in self._minutes else self._mids_at(at) for at in wanted}
        return self._minutes

    def _mids_at(self, at: datetime) -> dict[str, Decimal]:
        """Without a look at the minutes before it, or a minute would need the whole of history: a lie of one minute is outvoted."""
        return {pair: depth.mid for pair, depth in self._merged(at, {}).items() if depth.is_dealable}


def _before(mids: Mids, pair: str, now: datetime) -> Decimal | None:
    """The median mid of the full minutes before; None until there are three of them."""
    last = now.replace(second=0, microsecond=0)
    known = [mids[at][pair] for back in range(JUMP_MINUTES) if pair in mids[at := last - back * MINUTE]]
    return median(known) if len(known) >= JUMP_MINUTES // 2 + 1 else None


def _crossed(pair: str, first: Composite, second: Composite) -> Composite:
    try:
        return cross(pair, first, second)
    except PriceUnavailable:
        return Composite(pair, (), (), min(first.as_of, second.as_of), first.sources + second.sources)
