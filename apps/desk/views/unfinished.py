"""Deals that wait for somebody's word: not affirmed, disputed, shared out in part; each with its age and a link."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.core import clock
from apps.core.actor import Actor
from apps.desk.access import page
from apps.trades import queries as trades

from .shell import show

SHOWN = 200  # rows of each list; its heading says how many there are


@page("unfinished")
@require_safe
def unfinished_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    unaffirmed, disputes, blocks = trades.list_unaffirmed(), trades.list_disputes(), trades.list_unallocated()
    rows: list[Any] = list(blocks.select_related("pair", "counterparty", "account")[:SHOWN])
    context: dict[str, Any] = {
        "at_now": clock.desk_now(),
        "disputes": disputes[:SHOWN],
        "disputed": disputes.count(),
        "confirmations": unaffirmed[:SHOWN],
        "unaffirmed": unaffirmed.count(),
        "blocks": [(one, one.whole - one.taken) for one in rows],
        "unallocated": blocks.count(),
        "shown": SHOWN,
    }
    return show(request, actor, "desk/unfinished.html", screen="unfinished", **context)
