"""Settlement: the ladder, instructions with their blockers, and the request to release what has none."""

from datetime import date
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.clients import queries as clients
from apps.core import clock
from apps.core.actor import Actor
from apps.core.errors import NotFound, Rejected
from apps.desk.access import SEES_COMPLIANCE, page
from apps.desk.once import FormOnce, carry_out
from apps.reports.queries.desk import net_sets, settlement
from apps.reports.queries.desk.settlement import InstructionRow, Rung
from apps.settlement.rules.gate import OVERRIDDEN_BY, Code
from apps.users.rules import may_make
from apps.workflows.read_statement import request_receipt_decision
from apps.workflows.request_release import request_release

from . import params
from .blockers import Blocker, read_blockers
from .parts import part_of
from .shell import show

SHOWN = 200  # payments at once
STATUSES = ("live", "all", *settlement.LIVE, "SETTLED", "RECEIVED", "FAILED", "RETURNED", "CANCELLED")


class NothingChosen(Rejected):
    code, title = "nothing_chosen", "Nothing was chosen"


@page("settlement")
@require_safe
def settlement_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    now = clock.desk_now()
    may_know = bool(actor.roles & SEES_COMPLIANCE)
    chosen: dict[str, Any] = {
        "status": params.text(request, "status", STATUSES),
        "direction": params.text(request, "direction", ("PAY", "RECEIVE", "DRAW")),
        "asset": params.text(request, "asset"),
        "client": params.text(request, "client"),
        "due": params.text(request, "due", ("today", "late")),
    }
    part = part_of(request, "page", lambda limit, after: settlement.list_instructions(**chosen, limit=limit, after=after),
                   lambda one: (one.due_date, one.direction, one.id), size=SHOWN)  # fmt: skip
    rows = [(row, current_blockers(row, may_know=may_know)) for row in part]
    ladder, assets = lay_out(settlement.list_ladder())
    context: dict[str, Any] = {
        "rows": rows,
        "part": part,
        "ladder": ladder,
        "assets": assets,
        "chosen": chosen,
        "statuses": STATUSES,
        "today": now.date(),
    }
    context |= {"receipts": settlement.count_receipts() if may_know else 0, "sees_receipts": may_know}
    context["may_release"] = may_make(actor.roles, "release")
    soft = {b.code for row, found in rows for b in found if row.status == "BLOCKED"} & {str(code) for code in OVERRIDDEN_BY}
    context["soft"] = [(code, OVERRIDDEN_BY[Code(code)]) for code in sorted(soft)]
    context["sets"] = part_of(request, "sets", net_sets.list_sets, lambda one: (one.value_date, one.cutoff_at, one.account, one.id))
    context["bands"] = settlement.list_bands()
    context["may_band"] = may_make(actor.roles, "release_band")
    context["stops"] = settlement.list_release_stops()
    if request.headers.get("HX-Target") != "live":
        context["clients"] = [(one.code, one.name) for one in clients.list_clients()]
    return show(request, actor, "desk/settlement.html", screen="settlement", now=now, **context)


def current_blockers(row: InstructionRow, *, may_know: bool) -> list[Blocker]:
    """Those of the last decision, as long as they hold the payment up."""
    return read_blockers(row.blockers, may_know=may_know) if row.status in {"DRAFT", "READY", "BLOCKED"} else []


def lay_out(rungs: list[Rung]) -> tuple[list[tuple[date, list[Rung | None]]], list[str]]:
    """Rungs as a table: value dates down, assets across."""
    assets = sorted({r.asset for r in rungs})
    by = {(r.value_date, r.asset): r for r in rungs}
    days = sorted({r.value_date for r in rungs})
    return [(day, [by.get((day, asset)) for asset in assets]) for day in days], assets


@page("settlement")
@require_POST
def release(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Ask a second person to release the chosen payments; soft blockers are overridden by name, each with a reason."""
    chosen = [params.decode("ins", one, "instruction") for one in request.POST.getlist("instruction")]
    if not chosen:
        raise NothingChosen("choose at least one payment that waits for release")
    sent: dict[str, str] = request.POST.dict()
    overrides = {name[9:]: why.strip()[:200] for name, why in sent.items() if name.startswith("override_") and why.strip()}
    once = FormOnce(
        request, actor, operation="release", tell=lambda asked: f"{asked.title}: a second person of operations has to approve it"
    )
    messages.success(request, carry_out(once, request_release, actor=actor, instruction_ids=chosen, overrides=overrides))
    return redirect("desk:settlement")


@page("settlement")
@require_POST
def receipt(request: HttpRequest, actor: Actor, receipt: str) -> HttpResponse:
    """Ask compliance what is to become of quarantined money: return, apply to an account or a house transfer, freeze."""
    once = FormOnce(request, actor, operation="receipt", tell=lambda asked: f"Asked: {asked.title}. Compliance decides")
    named, wallet = (params.posted(request, name, 120)[:120] for name in ("return_name", "return_address"))
    told = carry_out(
        once,
        request_receipt_decision,
        actor=actor,
        receipt_id=params.decode("rcp", receipt, "receipt"),
        decision=request.POST.get("decision", ""),
        reason=request.POST.get("reason", "").strip()[:200],
        account_code=request.POST.get("account", "").strip()[:40],
        return_to=(named, wallet) if named or wallet else None,
        transfer_id=_transfer(params.posted(request, "transfer", 40)),
    )
    messages.success(request, told)
    return redirect("desk:settlement")


def _transfer(value: str) -> UUID | None:
    """
    :raises NotFound: no id of a house transfer
    """
    try:
        return UUID(value) if value else None
    except ValueError:
        raise NotFound("no such house transfer") from None
