"""Many venues made one book; a book crossed out of two others. Every source stays on record, used or not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from statistics import median

from apps.core import money
from apps.pricing.errors import PriceUnavailable, StalePrice

from .book import PRICE_SCALE, Level, OrderBook, check_book, middle

BPS = Decimal(10_000)
AHEAD_ALLOWED = timedelta(seconds=1)  # how far a venue's clock may run before ours
NO_FEES: Mapping[str, Decimal] = {}


@dataclass(frozen=True, slots=True)
class Health:
    """When a venue's book is left out.

    :param max_deviation_bps: of its mid from the median of the venues' mids
    :param min_depth: base units that each side must show
    :param max_jump_bps: of its mid from the mid of the minutes before; zero: never
    """

    max_age: timedelta = timedelta(seconds=5)
    max_deviation_bps: Decimal = Decimal(50)
    min_depth: Decimal = money.ZERO
    max_jump_bps: Decimal = money.ZERO


@dataclass(frozen=True, slots=True)
class Recipe:
    """How composites are made: health by pair, taker fees in bps by venue, the two legs of each pair that is a cross."""

    health: Mapping[str, Health] = field(default_factory=dict)
    fees_bps: Mapping[str, Decimal] = field(default_factory=dict)
    crosses: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """One venue's part in a composite: its mid, its stamp, its age then, and why it was left out (empty: it was used)."""

    venue: str
    pair: str
    at: datetime
    age_ms: int
    mid: Decimal | None
    reasons: tuple[str, ...] = ()

    @property
    def used(self) -> bool:
        return not self.reasons


@dataclass(frozen=True, slots=True)
class Composite:
    """The merged depth of a pair as of a desk instant. Bids fall, asks rise, and they never cross.

    `sigma` is the annualised realised volatility as a fraction (0.6 = 60 %), None while too few mids are known.
    """

    pair: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    as_of: datetime
    sources: tuple[Source, ...]
    sigma: Decimal | None = None

    @property
    def is_dealable(self) -> bool:
        return bool(self.bids and self.asks)

    @property
    def mid(self) -> Decimal:
        """:raises PriceUnavailable: a side is empty"""
        if not self.is_dealable:
            raise PriceUnavailable(f"{self.pair}: no healthy source")
        return middle(self.bids, self.asks)

    @property
    def spread_bps(self) -> Decimal:
        """Best ask less best bid, in bps of the mid, to 4 decimals."""
        mid = self.mid
        return money.round_even((self.asks[0].price - self.bids[0].price) / mid * BPS, 4)

    @property
    def oldest(self) -> datetime:
        """The stamp of the oldest source that was used; `as_of` where none was."""
        return min((source.at for source in self.sources if source.used), default=self.as_of)

    def age(self, now: datetime) -> timedelta:
        """How old the oldest number in it is at `now`, never below zero."""
        return max(timedelta(0), now - self.oldest)


def require_fresh(depth: Composite, now: datetime, max_age: timedelta) -> None:
    """
    :raises PriceUnavailable: a side is empty
    :raises StalePrice: the oldest used source is older than `max_age`
    """
    if not depth.is_dealable:
        raise PriceUnavailable(f"{depth.pair}: no healthy source", sources=_left_out(depth))
    if depth.age(now) > max_age:
        raise StalePrice(f"{depth.pair}: {_ms(depth.age(now))} ms old, {_ms(max_age)} ms allowed", age_ms=_ms(depth.age(now)))


def merge(
    pair: str,
    books: Sequence[OrderBook],
    now: datetime,
    *,
    health: Health | None = None,
    fees_bps: Mapping[str, Decimal] = NO_FEES,
    before: Decimal | None = None,
) -> Composite:
    """Merge the healthy books of a pair by price, each venue's taker fee counted into its prices.

    Left out, with the reason: what `check_book` finds, `stale`, `ahead` (its clock runs before ours), `outlier` (mid too far from the
    median of the others' and its own; where two disagree nobody can tell who lies, and both go), `jump`, `other_pair`, `duplicate`.
    Where venues cross each other the overlap is matched off, as an arbitrageur would, so the result never crosses.

    :param before: the mid of the minutes before, None while it is not known: what jumps from it is not believed, not even of a lone venue
    """
    health = health or Health()
    found: list[tuple[OrderBook, tuple[str, ...]]] = []
    seen: set[str] = set()
    for book in books:
        reasons = ("other_pair",) if book.pair != pair else check_book(book, min_depth=health.min_depth)
        if now - book.at > health.max_age:
            reasons += ("stale",)
        if book.at - now > AHEAD_ALLOWED:
            reasons += ("ahead",)
        if book.venue in seen:
            reasons += ("duplicate",)
        seen.add(book.venue)
        if before and not reasons and abs(book.mid - before) * BPS > (health.max_jump_bps or BPS * BPS) * before:
            reasons = ("jump",)
        found.append((book, reasons))
    mids = [book.mid for book, reasons in found if not reasons]
    centre = median(mids) if mids else money.ZERO
    judged = [
        (book, reasons or (("outlier",) if abs(book.mid - centre) * BPS > health.max_deviation_bps * centre else ()))
        for book, reasons in found
    ]
    used = [book for book, reasons in judged if not reasons]
    bids, asks = _uncross(
        _stack((_net(level, -fees_bps.get(book.venue, money.ZERO)) for book in used for level in book.bids), falling=True),
        _stack((_net(level, fees_bps.get(book.venue, money.ZERO)) for book in used for level in book.asks), falling=False),
    )
    return Composite(pair, bids, asks, now, tuple(_source(book, reasons, now) for book, reasons in judged))


def cross(pair: str, first: Composite, second: Composite) -> Composite:
    """BASE-QUOTE out of BASE-VIA and QUOTE-VIA, by depth: BTC-EUR out of BTC-USD and EUR-USD.

    Buying the base takes the first's asks with what the second's bids pay. Asks are rounded up and bids down at 18 decimals, quantities
    down. The sources of both legs stay, each with its own age; `sigma` adds the legs' variances, as if they moved independently.

    :raises PriceUnavailable: a leg has no healthy source
    """
    for leg in (first, second):
        if not leg.is_dealable:
            raise PriceUnavailable(f"{pair}: no healthy source for {leg.pair}", sources=_left_out(leg))
    sigma = None
    if first.sigma is not None and second.sigma is not None:
        sigma = money.round_even((first.sigma**2 + second.sigma**2).sqrt(), 6)
    return Composite(
        pair=pair,
        bids=_cross_side(first.bids, second.asks, ROUND_FLOOR),
        asks=_cross_side(first.asks, second.bids, ROUND_CEILING),
        as_of=min(first.as_of, second.as_of),
        sources=first.sources + second.sources,
        sigma=sigma,
    )


def with_sigma(depth: Composite, sigma: Decimal | None) -> Composite:
    return replace(depth, sigma=sigma)


def _net(level: Level, fee_bps: Decimal) -> Level:
    return Level(level.price * (1 + fee_bps / BPS), level.quantity) if fee_bps else level


def _stack(levels: Iterable[Level], *, falling: bool) -> list[Level]:
    """Sorted by price, what stands at one price added up."""
    at: dict[Decimal, Decimal] = {}
    for level in levels:
        at[level.price] = at.get(level.price, money.ZERO) + level.quantity
    return [Level(price, at[price]) for price in sorted(at, reverse=falling)]


def _uncross(bids: list[Level], asks: list[Level]) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    b = a = 0
    while b < len(bids) and a < len(asks) and bids[b].price >= asks[a].price:
        matched = min(bids[b].quantity, asks[a].quantity)
        bids[b] = Level(bids[b].price, bids[b].quantity - matched)
        asks[a] = Level(asks[a].price, asks[a].quantity - matched)
        b += not bids[b].quantity
        a += not asks[a].quantity
    return tuple(bids[b:]), tuple(asks[a:])


def _cross_side(of_base: Sequence[Level], of_quote: Sequence[Level], rounding: str) -> tuple[Level, ...]:
    """Walk both legs at once; each step takes what the smaller of the two levels is worth in the currency between."""
    grain = money.quantum(PRICE_SCALE)
    out: list[Level] = []
    i = k = 0
    base_left, quote_left = of_base[0].quantity, of_quote[0].quantity
    while True:
        base, quote = of_base[i], of_quote[k]
        if base.price * base_left <= quote.price * quote_left:
            quantity, quote_left, base_left = base_left, quote_left - base.price * base_left / quote.price, money.ZERO
        else:
            quantity = (quote.price * quote_left / base.price).quantize(grain, rounding=ROUND_FLOOR)
            base_left, quote_left = base_left - quantity, money.ZERO
        if quantity > 0:
            price = (base.price / quote.price).quantize(grain, rounding=rounding)
            if out and out[-1].price == price:
                out[-1] = Level(price, out[-1].quantity + quantity)
            else:
                out.append(Level(price, quantity))
        if not base_left:
            i += 1
            if i == len(of_base):
                return tuple(out)
            base_left = of_base[i].quantity
        if quote_left <= 0:
            k += 1
            if k == len(of_quote):
                return tuple(out)
            quote_left = of_quote[k].quantity


def _source(book: OrderBook, reasons: tuple[str, ...], now: datetime) -> Source:
    broken = {"not_a_number", "non_positive", "empty"}.intersection(reasons)
    mid = None if broken or not (book.bids and book.asks) else book.mid
    return Source(book.venue, book.pair, book.at, max(0, _ms(now - book.at)), mid, reasons)


def _left_out(depth: Composite) -> list[dict[str, object]]:
    return [{"venue": source.venue, "reasons": list(source.reasons)} for source in depth.sources if not source.used]


def _ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
