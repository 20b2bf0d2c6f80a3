"""Settlement: the ladder, instructions with their blockers, and the request to release what has none."""

from datetime import date
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from apps.core import clock
from apps.core.actor import Actor
from apps.core.errors import Rejected
from apps.desk.access import SEES_COMPLIANCE, page
from apps.reports.queries.desk import blotter, settlement
from apps.reports.queries.desk.settlement import Rung
from apps.users.rules import may_make

from . import params
from .blockers import read_blockers
from .shell import show

STATUSES = ("live", "all", *settlement.LIVE, "SETTLED", "RECEIVED", "FAILED", "RETURNED", "CANCELLED")


class NothingChosen(Rejected):
    code, title = "nothing_chosen", "Nothing was chosen"


@page("settlement")
@require_safe
def settlement_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    now = clock.desk_now()
    may_know = bool(actor.roles & SEES_COMPLIANCE)
    chosen = {
        "status": params.text(request, "status", STATUSES),
        "direction": params.text(request, "direction", ("PAY", "RECEIVE")),
        "asset": params.text(request, "asset"),
        "client": params.text(request, "client"),
        "due": params.text(request, "due", ("today", "late")),
    }
    rows = [(row, read_blockers(row.blockers, may_know=may_know)) for row in settlement.list_instructions(**chosen)]
    ladder, assets = lay_out(settlement.list_ladder())
    context: dict[str, Any] = {"rows": rows, "ladder": ladder, "assets": assets, "chosen": chosen, "statuses": STATUSES, "today": now.date()}
    context |= {"receipts": settlement.list_receipts() if may_know else [], "sees_receipts": may_know}
    context["may_release"] = may_make(actor.roles, "release")
    if request.headers.get("HX-Target") != "live":
        context["clients"], _ = blotter.clients_and_pairs()
    return show(request, actor, "desk/settlement.html", screen="settlement", now=now, **context)


def lay_out(rungs: list[Rung]) -> tuple[list[tuple[date, list[Rung | None]]], list[str]]:
    """Rungs as a table: value dates down, assets across."""
    assets = sorted({r.asset for r in rungs})
    by = {(r.value_date, r.asset): r for r in rungs}
    days = sorted({r.value_date for r in rungs})
    return [(day, [by.get((day, asset)) for asset in assets]) for day in days], assets




@page("settlement")
@require_POST
def release(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Ask a second person to release the chosen payments."""
    raise NothingChosen("choose at least one payment that is ready")
