"""Four eyes: the queue, the current state beside the requested one, and the decision."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.approvals import queries as approvals
from apps.core.actor import Actor
from apps.core.errors import Rejected
from apps.desk.access import page
from apps.desk.once import FormOnce, carry_out
from apps.reports.queries.desk import deal_answers, settlement
from apps.workflows.decide_approval import decide_approval

from . import params
from .parts import part_of_rows
from .shell import show


class NoDecision(Rejected):
    code, title = "no_decision", "Say yes or no"


HEDGES = ("hedge_version", "hedge_cancel", "hedge_break")  # about a hedge that is there
TABS = ("open", "decided")


@page("approvals")
@require_safe
def approval_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    tab = params.text(request, "tab", TABS) or "open"
    seen = approvals.visible_to(actor)
    rows = (
        seen.filter(status="REQUESTED").order_by("requested_at", "id")
        if tab == "open"
        else seen.exclude(status="REQUESTED").order_by("-decided_at", "-id")
    )
    kind = params.text(request, "kind")
    kinds = sorted({*rows.order_by().values_list("kind", flat=True).distinct()} | ({kind} if kind else set()))
    rows = rows.filter(kind=kind) if kind else rows
    part = part_of_rows(request, "page", rows.prefetch_related("signatures"))
    context: dict[str, Any] = {
        "tab": tab,
        "kind": kind,
        "kinds": kinds,
        "rows": [(a, approvals.may_decide(a, actor), a.maker_id == actor.id) for a in part],
        "part": part,
        "count": rows.count() if tab == "open" else 0,
    }
    return show(request, actor, "desk/approvals.html", screen="approvals", **context)


@page("approvals")
@require_safe
def approval_page(request: HttpRequest, actor: Actor, approval: UUID) -> HttpResponse:
    found = approvals.get_visible(approval, actor=actor)
    context: dict[str, Any] = {
        "approval": found,
        "changes": changes(found.before, _wanted(found)),
        "may_decide": approvals.may_decide(found, actor),
        "missing": approvals.describe_missing(found) if found.status == "REQUESTED" else [],
    }
    context["payments"] = _payments(found)
    context["deal"] = found.subject_id if found.kind in (*deal_answers.KINDS, *HEDGES) else None
    return show(request, actor, "desk/approval.html", screen="approvals", title=found.title, is_mine=found.maker_id == actor.id, **context)


@page("approvals")
@require_POST
def decide(request: HttpRequest, actor: Actor, approval: UUID) -> HttpResponse:
    decision = request.POST.get("decision", "")
    if decision not in {"approve", "reject"}:
        raise NoDecision("approve or reject")
    approvals.get_visible(approval, actor=actor)
    once = FormOnce(request, actor, operation="approval", tell=_told)
    told = carry_out(
        once,
        decide_approval,
        approval_id=approval,
        actor=actor,
        approve=decision == "approve",
        comment=request.POST.get("comment", "")[:500],
    )
    messages.success(request, told)
    return redirect("desk:approvals")


def _wanted(approval: Any) -> dict[str, Any]:
    """What is asked for, as fields; of a deal also what it does to the deal's state."""
    asked = {name: value for name, value in approval.payload.items() if name != "instructions"}
    if approval.kind == "trade_version":
        stays = {name: approval.before.get(name) for name in ("status", "settlement")}
        return asked | stays | ({"status": "CANCELLED"} if asked["action"] == "CANCEL" else {})
    return asked


def _told(done: Any) -> str:
    if done.status == "REQUESTED":
        return f"{done.title}: signed; {', then '.join(approvals.describe_missing(done))} signs next"
    return f"{done.title}: {done.status.lower()}"


def _payments(approval: Any) -> list[settlement.InstructionRow]:
    """The payments of a batch to be released, as rows instead of ids."""
    if approval.kind != "release":
        return []
    return settlement.list_instructions(status="all", only=[UUID(one) for one in approval.payload["instructions"]])


@dataclass(frozen=True, slots=True)
class Change:
    """One field of what is asked for, beside what it is now."""

    name: str
    now: str
    asked: str

    @property
    def is_new(self) -> bool:
        return self.now != self.asked


def changes(before: dict[str, Any], payload: dict[str, Any]) -> list[Change]:
    """Every field of either, those of the payload first; nested values as one line each."""
    old, new = _flat(before), _flat(payload)
    return [Change(name.replace("_", " "), old.get(name, ""), new.get(name, "")) for name in [*new, *(n for n in old if n not in new)]]


def _flat(document: dict[str, Any], prefix: str = "") -> dict[str, str]:
    out: dict[str, str] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            out |= _flat(value, f"{prefix}{name} · ")
        elif isinstance(value, list):
            out[f"{prefix}{name}"] = ", ".join(map(str, value))
        else:
            out[f"{prefix}{name}"] = "" if value is None else str(value)
    return out
