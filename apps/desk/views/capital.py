"""Capital of the house: finance say what of it came in, and ask that some be paid out."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from apps.core.actor import Actor
from apps.desk import amounts
from apps.desk.access import page
from apps.desk.once import FormOnce, carry_out
from apps.users.rules import require_may
from apps.workflows.move_capital import CLEAR, ask_clearance, ask_pay_in, ask_pay_out

from . import params, shell
from .treasury import read_id

SIGNED = "Another of finance, or risk, signs it, and compliance"


@page("treasury")
@require_POST
def came(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Ask that a receipt which waits be booked as capital."""
    once = FormOnce(request, actor, operation="capital", tell=lambda asked: f"Asked: {asked.title}. {SIGNED}")
    told = carry_out(
        once,
        ask_pay_in,
        actor=actor,
        receipt_id=params.decode("rcp", params.posted(request, "receipt", 40), "receipt"),
        owner=params.posted(request, "owner", 120),
        reason=params.posted(request, "reason", 200),
    )
    messages.success(request, told)
    return redirect("desk:treasury")


@page("treasury")
@require_POST
def take_out(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Ask that capital be paid out to an owner."""
    once = FormOnce(request, actor, operation="capital", tell=lambda made: f"Asked: {made[1].title}. {SIGNED}")
    told = carry_out(
        once,
        ask_pay_out,
        actor=actor,
        nostro_id=read_id(request, "source"),
        amount=amounts.read(params.posted(request, "amount", 60), "amount"),
        owner=params.posted(request, "owner", 120),
        address=params.posted(request, "address", 120),
        bic=params.posted(request, "bic", 11),
        reason=params.posted(request, "reason", 200),
    )
    messages.success(request, told)
    return redirect("desk:treasury")


@page("treasury")
@require_POST
def clear(request: HttpRequest, actor: Actor, transfer: UUID) -> HttpResponse:
    """Ask another one of compliance that an owner whom the lists seem to know gets what waits for it."""
    require_may(actor.roles, CLEAR)
    once = FormOnce(request, actor, operation="owner_clear", tell=shell.tell_asked)
    evidence = params.posted(request, "evidence", 300)
    messages.success(request, carry_out(once, ask_clearance, actor=actor, transfer_id=transfer, evidence=evidence))
    return redirect("desk:treasury")
