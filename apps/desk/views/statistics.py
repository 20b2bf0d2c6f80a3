"""Statistics: per client and pair, how often we were asked, how fast we answered, how often it ended in a deal, and why not."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.clients import queries as clients
from apps.core import clock
from apps.core.actor import Actor
from apps.desk.access import page
from apps.reports.queries import statistics as queries
from apps.reports.queries.desk import blotter
from apps.reports.queries.statistics import Sum
from apps.reports.rules.statistics import Tally, percentile

from . import params
from .shell import show

SPANS = {"day": ("last 24 hours", timedelta(hours=24)), "month": ("last 30 days", timedelta(days=30))}
ORDERS = ("client", "requests", "hit", "rejects", "slowest")


@dataclass(frozen=True, slots=True)
class Line:
    """A client and pair, or the whole, as a row of the table. Times in milliseconds, shares in per cent."""

    client: str
    client_name: str
    pair: str
    tally: Tally

    @property
    def n(self) -> Counter[str]:
        """Counts by name, 0 for what did not happen."""
        return self.tally.counts

    @property
    def hit(self) -> Decimal | None:
        return _percent(self.tally.hit_ratio)

    @property
    def rejects(self) -> Decimal | None:
        return _percent(self.tally.reject_ratio)

    @property
    def times(self) -> list[tuple[str, Decimal | None, Decimal | None]]:
        """(of what, p50, p99) of automatic quotes, of a person's, of accepts."""
        return [(name, self._ms(name, Fraction(1, 2)), self._ms(name, Fraction(99, 100))) for name in ("auto", "desk", "accept")]

    @property
    def slowest(self) -> Decimal:
        return self._ms("auto", Fraction(99, 100)) or Decimal(0)

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """The most frequent first."""
        return sorted(self.tally.reasons.items(), key=lambda item: (-item[1], item[0]))

    def _ms(self, name: str, share: Fraction) -> Decimal | None:
        us = percentile(self.tally.histogram(name), share)
        return None if us is None else Decimal(us) / 1000


@page("statistics")
@require_safe
def statistics_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    now = clock.desk_now()
    span = params.text(request, "span", tuple(SPANS)) or "day"
    pair, client, order = params.text(request, "pair"), params.text(request, "client"), params.text(request, "order", ORDERS) or "client"
    since, until = bounds(now, SPANS[span][1])
    sums = [s for s in queries.list_sums(since=since, until=until, pair=pair, by_client=True) if not client or s.client == client]
    context: dict[str, Any] = {
        "span": span,
        "spans": [(name, words) for name, (words, _) in SPANS.items()],
        "since": since,
        "until": until,
        "lines": ordered([_line(one) for one in sums], order),
        "whole": Line("", "", "", queries.total(sums)),
        "chosen": {"client": client, "pair": pair, "order": order},
        "orders": ORDERS,
        "flagged": clients.list_fair_use(),
    }
    if request.headers.get("HX-Target") != "live":
        context["clients"], context["pairs"] = blotter.clients_and_pairs()
    return show(request, actor, "desk/statistics.html", screen="statistics", now=now, **context)


def bounds(now: datetime, span: timedelta) -> tuple[datetime, datetime]:
    """Whole hours, the running one with them."""
    until = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return until - span, until


def ordered(lines: list[Line], order: str) -> list[Line]:
    worst = Decimal(-1)
    keys: dict[str, Any] = {
        "client": lambda line: (line.client, line.pair),
        "requests": lambda line: -line.n["requests"],
        "hit": lambda line: -(worst if line.hit is None else line.hit),
        "rejects": lambda line: -(worst if line.rejects is None else line.rejects),
        "slowest": lambda line: -line.slowest,
    }
    return sorted(lines, key=keys[order])


def _line(one: Sum) -> Line:
    return Line(one.client, one.client_name, one.pair, one.tally)


def _percent(ratio: Decimal | None) -> Decimal | None:
    return None if ratio is None else ratio * 100
