"""Position: per book and asset, at approved marks, with the proof that both sides of the books agree."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.core import clock
from apps.core.actor import Actor
from apps.desk.access import page
from apps.reports.queries.desk import blotter, position

from . import params
from .shell import show


@page("position")
@require_safe
def position_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    now = clock.desk_now()
    day = params.day(request, "day") or params.today(now)
    context: dict[str, Any] = {
        "entities": position.list_positions(day),
        "totals": blotter.totals(blotter.Filter(since=day, until=day)),
        "day": day,
    }
    return show(request, actor, "desk/position.html", screen="position", now=now, **context)
