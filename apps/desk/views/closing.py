"""The close: the day's checklist, its start and end, months, and what was posted into a locked one afterwards."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.close import queries as days
from apps.close.errors import ReasonMissing
from apps.close.rules import ProofKind
from apps.close.states import MonthStatus
from apps.core import clock, money
from apps.core.actor import Actor
from apps.core.errors import Rejected
from apps.desk.access import page
from apps.desk.amounts import Unreadable
from apps.desk.once import FormOnce, carry_out
from apps.instruments import queries as instruments
from apps.reports.queries import adjustments
from apps.users.rules import may_check, may_make, require_may
from apps.workflows.close_day import close_day, retake_proofs, start_close, stop_close
from apps.workflows.reconcile import due_date
from apps.workflows.reopen import ask_month, ask_reopening

from . import params
from .shell import csv_file, show

# What is missing → where it is mended.
MENDED_AT = {
    ProofKind.BALANCE: "reconciliation", ProofKind.MOVEMENT: "reconciliation", ProofKind.POSITION: "reconciliation",
    ProofKind.TRADE: "position", ProofKind.SUSPENSE: "settlement", ProofKind.IN_TRANSIT: "settlement",
}  # fmt: skip
SHOWN = 200  # lines of adjustments on the page; the file has all


class UnknownAct(Rejected):
    code, title = "unknown_act", "There is no such act"


@page("closing")
@require_safe
def closing_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    now = clock.desk_now()
    entity = instruments.list_entities()[0]
    on = params.day(request, "date") or due_date(entity.id, now)
    day = days.find_day(entity.id, on)
    kept = {one.kind: one for one in days.list_proofs(day.id)} if day is not None else {}
    told = adjustments.list_adjustments(entity.id, most=SHOWN + 1)
    context: dict[str, Any] = {
        "on": on,
        "day": day,
        "days": days.list_days(entity.id),
        "checklist": [(kind, kept.get(kind), MENDED_AT.get(kind, "")) for kind in ProofKind],
        "months": days.list_months(entity.id),
        "adjustments": told[:SHOWN],
        "more": len(told) > SHOWN,
        "may_start": may_make(actor.roles, "day_close"),
        "may_close": may_check(actor.roles, "day_close"),
        "may_reopen": may_make(actor.roles, "day_reopen"),
        "may_lock": may_make(actor.roles, "month_lock"),
    }
    return show(request, actor, "desk/closing.html", screen="closing", now=now, **context)


@page("closing")
@require_POST
def move_day(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Start the close, take its proofs again, close, give the close up; ask to open a closed day again."""
    on = params.needed_day(request, "date")
    act, reason = params.posted(request, "act"), params.posted(request, "reason", 200)
    who = {"actor": actor, "entity_id": instruments.list_entities()[0].id, "on": on}
    if act == "start":
        told = carry_out(_once(request, actor, f"The close of {on} has begun"), start_close, **who)
    elif act == "retake":
        if not (may_make(actor.roles, "day_close") or may_check(actor.roles, "day_close")):
            require_may(actor.roles, "day_close")
        del who["actor"]
        told = carry_out(_once(request, actor, f"The proofs of {on} are taken again"), retake_proofs, **who)
    elif act == "close":
        told = carry_out(_once(request, actor, f"{on} is closed"), close_day, **who)
    elif act == "stop":
        if not reason:
            raise ReasonMissing("why the close is given up", pointer="reason")
        told = carry_out(_once(request, actor, f"The close of {on} is given up"), stop_close, reason=reason[:200], **who)
    elif act == "reopen":
        told = carry_out(_once(request, actor, f"Asked to reopen {on}: a second person grants it"), ask_reopening, reason=reason, **who)
    else:
        raise UnknownAct("start, retake, close, stop or reopen")
    messages.success(request, told)
    return redirect(f"/desk/close/?date={on.isoformat()}")


@page("closing")
@require_POST
def move_month(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Ask to lock a month, or to unlock it."""
    month = params.posted_month(request, "month")
    try:
        to = MonthStatus(params.posted(request, "to"))
    except ValueError:
        raise Unreadable("what is to become of it", pointer="to") from None
    once = FormOnce(request, actor, operation="month_lock", tell=lambda asked: f"Asked: {asked.title}. Another one of finance grants it")
    reason = params.posted(request, "reason", 200)
    told = carry_out(once, ask_month, actor=actor, entity_id=instruments.list_entities()[0].id, month=month, to=to, reason=reason)
    messages.success(request, told)
    return redirect("desk:closing")


@page("closing")
@require_safe
def adjustments_csv(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Every prior-period adjustment, a line each."""
    rows = (
        [
            one.effective.isoformat(),
            one.business_date.isoformat(),
            one.recorded_at.isoformat(),
            str(one.kind),
            one.account,
            one.owner,
            one.asset,
            money.text(one.amount),
            one.narrative,
            str(one.transaction_id),
        ]
        for one in adjustments.list_adjustments(instruments.list_entities()[0].id)
    )
    return csv_file("prior-period-adjustments.csv", adjustments.HEADER, rows)


def _once(request: HttpRequest, actor: Actor, told: str) -> FormOnce:
    return FormOnce(request, actor, operation="day_close", tell=lambda _done: told)
