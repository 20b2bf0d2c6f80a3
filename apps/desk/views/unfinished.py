"""Deals that wait for somebody's word: not affirmed, disputed, shared out in part; each with its age and a link."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.core import clock
from apps.core.actor import Actor
from apps.desk.access import page
from apps.trades import queries as trades

from .parts import part_of_rows
from .shell import show


@page("unfinished")
@require_safe
def unfinished_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    unaffirmed, disputes, blocks = trades.list_unaffirmed(), trades.list_disputes(), trades.list_unallocated()
    shared: Any = part_of_rows(request, "shared", blocks.select_related("pair", "counterparty", "account"))
    context: dict[str, Any] = {
        "at_now": clock.desk_now(),
        "disputes": part_of_rows(request, "disputes", disputes),
        "disputed": disputes.count(),
        "confirmations": part_of_rows(request, "confirmations", unaffirmed),
        "unaffirmed": unaffirmed.count(),
        "blocks": [(one, one.whole - one.taken) for one in shared],
        "shared": shared,
        "unallocated": blocks.count(),
    }
    return show(request, actor, "desk/unfinished.html", screen="unfinished", **context)
