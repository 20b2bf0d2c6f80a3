"""Money that came: what waits with its age and owner, what it may pay, and what people do with it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.core import clock
from apps.core.actor import Actor
from apps.desk.access import page
from apps.desk.amounts import read_signed
from apps.desk.once import FormOnce, carry_out
from apps.settlement import queries as settlement
from apps.settlement.queries import housing, receiving
from apps.settlement.states import AWAITED_INSTRUCTION
from apps.users.rules import may_check, may_make, require_may
from apps.workflows.work_receipts import note_receipt, request_match, request_tolerance, request_unmatch, take_receipt

from . import params
from .parts import part_of_rows
from .shell import show

SHOWN = 200
PROPOSED = 20  # receipts that a proposal may take together with one
WAIT = ("FINAL", "CLEARED", "RETURN_DUE")
LOOKED_AT = ("QUARANTINED", "FROZEN")


@page("receipts")
@require_safe
def receipts_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    rows = settlement.list_receipts(actor)
    waiting = part_of_rows(request, "waiting", rows.filter(status__in=WAIT).order_by("seen_at", "id"), size=SHOWN)
    surest = receiving.propose_first(waiting.rows)
    expected = settlement.list_instructions(actor).filter(direction="RECEIVE", status__in=AWAITED_INSTRUCTION)
    context: dict[str, Any] = {
        "unapplied": [(one, surest.get(one.id)) for one in waiting],
        "waiting": waiting,
        "looked_at": part_of_rows(request, "looked_at", rows.filter(status__in=LOOKED_AT).order_by("seen_at", "id"), size=SHOWN),
        "matched": rows.filter(status="MATCHED")[:50],
        "expected": part_of_rows(request, "expected", expected.order_by("due_date", "id"), size=SHOWN),
        "tolerances": receiving.list_tolerances(),
        "may_match": may_make(actor.roles, "match"),
        "at_now": clock.desk_now(),
    }
    return show(request, actor, "desk/receipts.html", screen="receipts", **context)


@page("receipts")
@require_safe
def receipt_page(request: HttpRequest, actor: Actor, receipt: str) -> HttpResponse:
    found = settlement.get_receipt(_id(receipt), actor=actor)
    context: dict[str, Any] = {
        "r": found,
        "beside": part_of_rows(request, "beside", receiving.list_beside(found)),
        "waiting": part_of_rows(request, "waiting", receiving.list_waiting(found)),
        "proposals": receiving.propose(found, list(receiving.list_beside(found)[:PROPOSED])),
        "history": receiving.list_match_history(found.id),
        "notes": receiving.list_notes(found.id),
        "tolerance": receiving.get_tolerance(found.asset_id),
        "may_match": may_make(actor.roles, "match"),
        "may_work": may_make(actor.roles, "receipt_work"),
        "may_take": found.owner_role in actor.roles,
        "may_decide": may_make(actor.roles, "receipt") or may_check(actor.roles, "receipt"),
        "transfers": housing.list_fitting(found) if found.status == "QUARANTINED" else [],
        "on_chain": found.nostro.rail.kind == "CHAIN",
        "at_now": clock.desk_now(),
    }
    return show(request, actor, "desk/receipt.html", screen="receipts", **context)


@page("receipts")
@require_POST
def take(request: HttpRequest, actor: Actor, receipt: str) -> HttpResponse:
    once = FormOnce(request, actor, operation="receipt", tell=lambda _: "You look after it")
    messages.success(request, carry_out(once, take_receipt, actor=actor, receipt_id=_id(receipt)))
    return redirect("desk:one-receipt", receipt=receipt)


@page("receipts")
@require_POST
def note(request: HttpRequest, actor: Actor, receipt: str) -> HttpResponse:
    once = FormOnce(request, actor, operation="receipt", tell=lambda _: "Written down")
    text = params.posted(request, "text", 500)[:500]
    messages.success(request, carry_out(once, note_receipt, actor=actor, receipt_id=_id(receipt), text=text))
    return redirect("desk:one-receipt", receipt=receipt)


@page("receipts")
@require_POST
def match(request: HttpRequest, actor: Actor, receipt: str) -> HttpResponse:
    """The chosen receipts pay the chosen payments, each in its order; the rest goes to the balance where that is said."""
    require_may(actor.roles, "match")
    found = settlement.get_receipt(_id(receipt), actor=actor)
    beside = [_id(one) for one in request.POST.getlist("beside")]
    chosen = [params.decode("ins", one, "payment") for one in request.POST.getlist("pay")]
    receipt_ids, parts = receiving.lay_out(found, beside, chosen)
    once = FormOnce(
        request, actor, operation="receipt", tell=lambda asked: f"{asked.title}: a second person of operations has to approve it"
    )
    told = carry_out(
        once,
        request_match,
        actor=actor,
        receipt_ids=receipt_ids,
        parts=parts,
        rest_to_balance=request.POST.get("rest") == "1",
        reason=params.posted(request, "reason", 200)[:200],
    )
    messages.success(request, told)
    return redirect("desk:one-receipt", receipt=receipt)


@page("receipts")
@require_POST
def unmatch(request: HttpRequest, actor: Actor, receipt: str) -> HttpResponse:
    once = FormOnce(
        request, actor, operation="receipt", tell=lambda asked: f"{asked.title}: a second person of operations has to approve it"
    )
    reason = params.posted(request, "reason", 200)[:200]
    messages.success(request, carry_out(once, request_unmatch, actor=actor, receipt_id=_id(receipt), reason=reason))
    return redirect("desk:one-receipt", receipt=receipt)


@page("receipts")
@require_POST
def tolerance(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Ask finance by how much a payment may fall short."""
    require_may(actor.roles, "match_tolerance")
    once = FormOnce(request, actor, operation="receipt", tell=lambda asked: f"{asked.title}: finance decides")
    told = carry_out(
        once,
        request_tolerance,
        actor=actor,
        asset=params.posted(request, "asset", 12)[:12],
        amount=read_signed(params.posted(request, "amount", 40), "amount"),
        reason=params.posted(request, "reason", 200)[:200],
    )
    messages.success(request, told)
    return redirect("desk:receipts")


def _id(receipt: str) -> Any:
    return params.decode("rcp", receipt, "receipt")
