"""Home: the day in cards that lead to their rows."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.approvals import queries as approvals
from apps.core import clock
from apps.core.actor import Actor
from apps.desk.access import may_open, page
from apps.instruments import queries as instruments
from apps.pricing import queries as pricing
from apps.pricing.errors import PriceUnavailable
from apps.pricing.feeds import bus
from apps.reports.queries.desk import blotter, credit, home, rfqs

from . import params
from .shell import show


@page("home")
@require_safe
def home_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    now = clock.desk_now()
    today = params.today(now)
    chosen = params.day(request, "day")
    shown = chosen or today
    context: dict[str, Any] = {"now": now, "today": today, "day": shown, "approvals_waiting": approvals.count_waiting_for(actor)}
    context |= {"previous": shown - timedelta(days=1), "following": shown + timedelta(days=1), "halts": pricing.list_halts()}
    if may_open(actor.roles, "rfqs"):
        context |= _trading(shown, today)
    if may_open(actor.roles, "settlement"):
        context["due"] = home.get_due(today)
    return show(request, actor, "desk/home.html", screen="home", **context)


def _trading(shown: date, today: date) -> dict[str, Any]:
    opened, waiting = rfqs.count_active()
    figures = home.get_day(shown, params.bounds(shown))
    return {
        "trading": True,
        "open_rfqs": opened,
        "waiting": waiting,
        "figures": figures,
        "last_day": home.find_last_day(today) if not figures.deals else None,
        "bars": bars(figures.by_hour),
        "deals": blotter.list_page(blotter.Filter(since=shown, until=shown), limit=8),
        "exposure": [line for line in credit.hottest_first(credit.list_lines()) if line.measure in ("PRE_SETTLEMENT", "SETTLEMENT")],
        "feeds": list_feeds(),
    }


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour of the day's chart, in the 0 to 100 of its viewBox."""

    hour: int
    count: int
    x: int
    y: int
    height: int


def bars(by_hour: list[tuple[int, int]]) -> list[Bar]:
    """Hours of a business date run from the roll (21:00 or 22:00 UTC) to the next; empty hours are drawn as nothing."""
    most = max((count for _, count in by_hour), default=0)
    known = dict(by_hour)
    out = []
    for slot in range(24):
        hour = (21 + slot) % 24
        count = known.get(hour, 0)
        height = 0 if not most else max(3 if count else 0, count * 60 // most)
        out.append(Bar(hour, count, slot * 20, 66 - height, height))
    return out


@dataclass(frozen=True, slots=True)
class Feed:
    """One pair's price on the bus; `age` against the machine's own clock of the feed's stamp, seconds."""

    pair: str
    bid: Decimal | None
    ask: Decimal | None
    spread_bps: Decimal | None
    as_of: datetime | None
    sources: str
    health: str  # live, stale, none

    @property
    def is_live(self) -> bool:
        return self.health == "live"


def list_feeds() -> list[Feed]:
    """Each pair's composite on the bus; stale once it is older than its policy lets a quote be, by the desk clock."""
    now = clock.desk_now()
    oldest = {p.pair_code: timedelta(milliseconds=p.max_price_age_ms) for p in pricing.list_policies()}
    out = []
    for pair in instruments.list_pairs():
        try:
            depth = bus.read_depth(pair.code)
        except PriceUnavailable:
            depth = None
        if depth is None or not depth.is_dealable:
            out.append(Feed(pair.code, None, None, None, depth.as_of if depth else None, "", "none"))
            continue
        used = [s.venue for s in depth.sources if s.used]
        bid, ask = depth.bids[0].price, depth.asks[0].price
        spread = (ask - bid) / depth.mid * 10_000
        bid, ask = (bid // pair.tick) * pair.tick, -(-ask // pair.tick) * pair.tick  # a cross has eighteen decimals, a price has ticks
        fresh = now - depth.as_of <= oldest.get(pair.code, timedelta(seconds=5))
        out.append(Feed(pair.code, bid, ask, spread, depth.as_of, ", ".join(used), "live" if fresh else "stale"))
    return out
