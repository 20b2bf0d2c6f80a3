"""Requests: what is open, least time left first, and what has ended."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from apps.core import ids
from apps.core.actor import Actor
from apps.desk.access import page
from apps.reports.queries.desk import blotter, deal, rfqs

from . import params
from .deal import show_story
from .shell import show

PAGE, JUST_ENDED = 50, 12


@page("rfqs")
@require_safe
def rfq_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    tab = params.text(request, "tab", ("active", "historic")) or "active"
    chosen: dict[str, Any] = {"client": params.text(request, "client"), "pair": params.text(request, "pair")}
    status = params.text(request, "status", (*rfqs.OPEN, "waiting") if tab == "active" else rfqs.ENDED)
    on = params.day(request, "day")
    following, ended = "", list[rfqs.RfqRow]()
    if tab == "active":
        rows = rfqs.list_active(**chosen, status=status)
        ended = rfqs.list_historic(**chosen, limit=JUST_ENDED) if not status else []
    else:
        bounds = params.bounds(on) if on else None
        rows = rfqs.list_historic(**chosen, status=status, day=bounds, before=params.place(request, "rfq"), limit=PAGE + 1)
        if len(rows) > PAGE:
            rows = rows[:PAGE]
            following = params.keyset(rows[-1].received_at, "rfq", rows[-1].id)
    context: dict[str, Any] = {
        "tab": tab,
        "rows": rows,
        "ended": ended,
        "chosen": {**chosen, "status": status, "day": on},
        "following": following,
    }
    context["statuses"] = ("waiting", *rfqs.OPEN) if tab == "active" else rfqs.ENDED
    if request.headers.get("HX-Target") != "live":
        context["clients"], context["pairs"] = blotter.clients_and_pairs()
    return show(request, actor, "desk/rfqs.html", screen="rfqs", **context)


@page("rfqs")
@require_safe
def rfq_page(request: HttpRequest, actor: Actor, rfq: str) -> HttpResponse:
    """A request's own story; once it is a deal, the deal's."""
    story = deal.get_story(rfq_id=params.decode("rfq", rfq, "request"))
    if story.head.trade_id is not None:
        return redirect("desk:deal", trade=ids.encode("trd", story.head.trade_id))
    return show_story(request, actor, story, screen="rfqs")
