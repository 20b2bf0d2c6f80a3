"""Prices: each pair's merged book as it is on the bus now, who makes it, what a size costs, and how the feed does."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.core import clock
from apps.core.actor import Actor
from apps.core.errors import AppError
from apps.desk.access import page
from apps.instruments import queries as instruments
from apps.pricing import queries as pricing
from apps.pricing import rules
from apps.pricing.errors import PriceUnavailable
from apps.pricing.feeds import bus
from apps.pricing.rules import Composite, PairSpec, Side, SidePrice, Source

from .shell import show

TIER = "standard"  # whose prices the ladder shows
RUNGS = 5


@dataclass(frozen=True, slots=True)
class Rung:
    """What a size costs in the book, and what a client of the standard tier is shown."""

    size: Decimal
    bid: Decimal | None
    ask: Decimal | None
    client_bid: Decimal | None
    client_ask: Decimal | None


@dataclass(frozen=True, slots=True)
class Tile:
    """`health` is live, slow (automatic quotes have stopped), stale or none."""

    pair: str
    version: int
    health: str
    bid: Decimal | None
    ask: Decimal | None
    spread_bps: Decimal | None
    sigma: Decimal | None
    age_ms: int | None
    as_of: datetime | None
    sources: tuple[Source, ...]
    ladder: tuple[Rung, ...]
    reasons: tuple[str, ...]
    halt: str
    trail: str = ""  # points of a line 100 wide and 24 high, of the mids of the last quarter of an hour


@page("prices")
@require_safe
def prices_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    now = clock.desk_now()
    context: dict[str, Any] = {
        "tiles": list_tiles(now),
        "tier": TIER,
        "feed": _feed(),
        "everything": _halt(pricing.list_halts(), "ALL", ""),
    }
    return show(request, actor, "desk/prices.html", screen="prices", now=now, **context)


def list_tiles(now: datetime) -> list[Tile]:
    pairs = {pair.code: pair for pair in instruments.list_pairs()}
    policies = [policy for policy in pricing.list_policies() if policy.pair_code in pairs]
    found, halts = bus.read_all(policy.pair_code for policy in policies), pricing.list_halts()
    trails = bus.read_trails([policy.pair_code for policy in policies], now)
    tiles = [
        _tile(policy, pairs[policy.pair_code], found.get(policy.pair_code), _halt(halts, "PAIR", policy.pair_code), now)
        for policy in policies
    ]
    return [replace(tile, trail=trail_of(trails.get(tile.pair, []))) for tile in tiles]


def trail_of(mids: Sequence[Decimal]) -> str:
    """Mids as the points of an SVG line in a box of 100 × 24; nothing for fewer than two."""
    if len(mids) < 2:
        return ""
    low, high = min(mids), max(mids)
    wide, tall = Decimal(100) / (len(mids) - 1), high - low
    return " ".join(f"{n * wide:.1f},{23 - (mid - low) / tall * 22 if tall else Decimal(12):.1f}" for n, mid in enumerate(mids))


def _tile(policy: Any, pair: Any, depth: Composite | None, halt: str, now: datetime) -> Tile:
    sources = depth.sources if depth is not None else ()
    if depth is None or not depth.is_dealable:
        as_of = depth.as_of if depth is not None else None
        return Tile(pair.code, policy.version, "none", None, None, None, None, None, as_of, sources, (), (), halt)
    age = depth.age(now)
    late, slow = (timedelta(milliseconds=ms) for ms in (policy.max_price_age_ms, policy.auto_max_age_ms))
    bid, ask = depth.bids[0].price, depth.asks[0].price
    return Tile(
        pair=pair.code,
        version=policy.version,
        health="stale" if age > late else "slow" if age > slow else "live",
        bid=bid // pair.tick * pair.tick,  # a cross has eighteen decimals, a price has ticks
        ask=-(-ask // pair.tick) * pair.tick,
        spread_bps=depth.spread_bps,
        sigma=None if depth.sigma is None else depth.sigma * 100,
        age_ms=age // timedelta(milliseconds=1),
        as_of=depth.as_of,
        sources=sources,
        ladder=tuple(_rung(policy, pair, depth, size) for size in _sizes(policy, pair)),
        reasons=tuple(rules.reasons_for_desk(depth, now, pricing.bounds_of(policy), quantity=pair.min_quantity)),
        halt=halt,
    )


def _sizes(policy: Any, pair: Any) -> list[Decimal]:
    """The edges of the size steps with a tenth of the first, and the most that is quoted by itself."""
    edges = [Decimal(step["above"]) for step in policy.size_tiers] or [policy.auto_max_quantity]
    sizes = {max(pair.min_quantity, edges[0] / 10), *edges, policy.auto_max_quantity}
    return sorted(size for size in sizes if 0 < size <= policy.auto_max_quantity)[:RUNGS]


def _rung(policy: Any, pair: Any, depth: Composite, size: Decimal) -> Rung:
    spec = PairSpec(pair.base_id, pair.quote_id, pair.tick, pair.base.scale, pair.quote.scale)
    spread = pricing.spread_of(policy, tier=TIER, markup_bps=Decimal(0))
    shown: dict[Side, SidePrice | None] = {}
    for side in Side:
        try:
            shown[side] = rules.client_price(side, depth=depth, pair=spec, spread=spread, quantity=size)
        except AppError:  # the book does not hold it, or nothing is left: no price of this size
            shown[side] = None
    buy, sell = shown[Side.BUY], shown[Side.SELL]
    return Rung(
        size,
        bid=sell.reference if sell is not None else None,
        ask=buy.reference if buy is not None else None,
        client_bid=sell.price if sell is not None else None,
        client_ask=buy.price if buy is not None else None,
    )


def _feed() -> bus.FeedState | None:
    try:
        return bus.read_state()
    except PriceUnavailable:
        return None


def _halt(halts: list[Any], scope: str, pair: str) -> str:
    return next((halt.reason for halt in halts if halt.scope == scope and halt.pair_code == pair), "")
