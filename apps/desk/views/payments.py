"""What operations do to one payment beside its release: recall it, end it by hand; and how many people let payments go."""

from decimal import Decimal

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from apps.core import money
from apps.core.actor import Actor
from apps.core.errors import Rejected
from apps.desk.access import page
from apps.desk.once import FormOnce, carry_out
from apps.settlement.rules.bands import Band
from apps.workflows.request_release import recall_release, request_band, request_unknown_end

from . import params


class NoBand(Rejected):
    """An amount of a release band that cannot be read; `pointer` names it."""

    code, title = "no_band", "Not a release band"


@page("settlement")
@require_POST
def recall(request: HttpRequest, actor: Actor, instruction: str) -> HttpResponse:
    once = FormOnce(request, actor, operation="recall", tell=lambda one: f"{one.end_to_end_id} is recalled")
    told = carry_out(
        once,
        recall_release,
        actor=actor,
        instruction_id=params.decode("ins", instruction, "instruction"),
        reason=params.posted(request, "reason", 120),
    )
    messages.success(request, told)
    return redirect("desk:settlement")


@page("settlement")
@require_POST
def end(request: HttpRequest, actor: Actor, instruction: str) -> HttpResponse:
    """Ask to end a payment without an answer, with evidence."""
    once = FormOnce(request, actor, operation="unknown_payment", tell=_asked)
    told = carry_out(
        once,
        request_unknown_end,
        actor=actor,
        instruction_id=params.decode("ins", instruction, "instruction"),
        outcome=params.posted(request, "outcome"),
        evidence=params.posted(request, "evidence", 200)[:200],
    )
    messages.success(request, told)
    return redirect("desk:settlement")


@page("settlement")
@require_POST
def set_band(request: HttpRequest, actor: Actor) -> HttpResponse:
    once = FormOnce(request, actor, operation="release_band", tell=_asked)
    band = Band(
        straight_through=_amount(request, "straight_through") or Decimal(0),
        two_checkers=_amount(request, "two_checkers"),
        largest=_amount(request, "largest"),
        most_payments=_count(request, "most_payments"),
    )
    told = carry_out(
        once,
        request_band,
        actor=actor,
        rail_code=params.posted(request, "rail", 30),
        band=band,
        reason=params.posted(request, "reason", 200)[:200],
    )
    messages.success(request, told)
    return redirect("desk:settlement")


def _asked(approval: object) -> str:
    return f"Asked: {getattr(approval, 'title', '')}. Another one approves it"


def _count(request: HttpRequest, name: str) -> int | None:
    text = params.posted(request, name, 6)
    if text and not (text.isascii() and text.isdigit()):
        raise NoBand(f"{name}: {text} is no whole number", pointer=name)
    return int(text) if text else None


def _amount(request: HttpRequest, name: str) -> Decimal | None:
    text = params.posted(request, name, 60).replace(",", "")
    if not text:
        return None
    try:
        return money.parse(text)
    except money.NotAnAmount as no:
        raise NoBand(f"{name}: {no}", pointer=name) from None
