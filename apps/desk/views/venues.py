"""What operations do about money with venues: where we pay in, and the record that a venue gives of it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from apps.core.actor import Actor
from apps.desk.access import page
from apps.desk.once import FormOnce, carry_out
from apps.instruments import queries as instruments
from apps.settlement.operations.venue_places import Way
from apps.workflows.pay_in_at_venues import import_venue_movements, request_venue_place

from . import params


@page("treasury")
@require_POST
def set_place(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Ask finance that an asset be paid in there at a venue, or no more."""
    way = Way(
        rail=params.posted(request, "rail", 30),
        address=params.posted(request, "address", 120),
        holder=params.posted(request, "holder", 120),
        bic=params.posted(request, "bic", 11),
        reference=params.posted(request, "reference", 35),
        withdrawn=request.POST.get("withdrawn") == "yes",
    )
    once = FormOnce(request, actor, operation="venue_place", tell=lambda asked: f"Asked: {asked.title}. Finance answers")
    told = carry_out(
        once,
        request_venue_place,
        actor=actor,
        entity_id=instruments.list_entities()[0].id,
        counterparty=params.posted(request, "counterparty", 30),
        way=way,
        reason=params.posted(request, "reason", 200),
    )
    messages.success(request, told)
    return redirect("desk:treasury")


@page("treasury")
@require_POST
def movements(request: HttpRequest, actor: Actor) -> HttpResponse:
    """What a venue's record shows of our money that came there and left."""
    once = FormOnce(request, actor, operation="venue_movements", tell=lambda new: f"{new} movements are new")
    told = carry_out(
        once,
        import_venue_movements,
        actor=actor,
        entity_id=instruments.list_entities()[0].id,
        counterparty=params.posted(request, "counterparty", 30),
        text=request.POST.get("file", ""),
    )
    messages.success(request, told)
    return redirect("desk:treasury")
