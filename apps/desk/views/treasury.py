"""Treasury: where our money lies, what it has to pay until T+2, and transfers between our own accounts."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.close import queries as days_of
from apps.core import clock
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.desk import amounts
from apps.desk.access import page
from apps.desk.amounts import Unreadable
from apps.desk.once import FormOnce, carry_out
from apps.instruments import queries as instruments
from apps.reports.queries.desk import treasury
from apps.settlement.operations import venue_places
from apps.settlement.queries import venues
from apps.users.rules import may_make, require_may
from apps.workflows.move_capital import CLEAR
from apps.workflows.transfer_balance import cancel_withdrawal
from apps.workflows.transfer_house import ACT, ask_house_transfer, cancel_house_transfer
from apps.workflows.watch_client_money import take

from . import params
from .parts import Part, part_of
from .shell import show

AHEAD = 3  # days on the ladder: today and the two after it


@page("treasury")
@require_safe
def treasury_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    now = clock.desk_now()
    days = [params.today(now) + timedelta(days=n) for n in range(AHEAD)]
    places = treasury.list_places()
    context: dict[str, Any] = {
        "places": places,
        "venues": treasury.list_venues(),
        "unexplained": part_of(request, "unexplained", treasury.list_unexplained, lambda one: (one.booked_at, one.id)),
        "counterparties": venues.list_venues(instruments.list_entities()[0].id, now),
        "rails": instruments.list_rails(),
        "strangers": _strangers(request) if may_make(actor.roles, "capital") else [],
        "may_capital": may_make(actor.roles, "capital"),
        "may_clear": may_make(actor.roles, CLEAR),
        "may_place": may_make(actor.roles, venue_places.ACT),
        "may_record": may_make(actor.roles, "lp_record"),
        "days": days,
        "funding": treasury.list_funding(days, places),
        "transfers": part_of(request, "transfers", treasury.list_transfers, lambda one: (one.requested_at, one.id)),
        "shortfalls": days_of.list_shortfalls(),
        "may_take": may_make(actor.roles, "client_money"),
        "withdrawals": part_of(request, "withdrawals", treasury.list_withdrawals, lambda one: (one.requested_at, one.id)),
        "may_reject": may_make(actor.roles, "release"),
        "may_transfer": may_make(actor.roles, ACT),
    }
    return show(request, actor, "desk/treasury.html", screen="treasury", now=now, **context)


def _strangers(request: HttpRequest) -> Part[treasury.StrangerRow]:
    return part_of(request, "strangers", treasury.list_strangers, lambda one: (one.seen_at, one.id))


@page("treasury")
@require_POST
def transfer(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Ask finance that money be moved between two of our accounts, or to a venue and back."""
    once = FormOnce(request, actor, operation="house_transfer", tell=lambda made: f"Asked: {made[1].title}. Finance approves it")
    told = carry_out(
        once,
        ask_house_transfer,
        actor=actor,
        source_id=read_id(request, "source"),
        target_id=read_id(request, "target"),
        amount=amounts.read(params.posted(request, "amount", 60), "amount"),
        reason=params.posted(request, "reason", 200),
    )
    messages.success(request, told)
    return redirect("desk:treasury")


@page("treasury")
@require_POST
def reject_withdrawal(request: HttpRequest, actor: Actor, withdrawal: str) -> HttpResponse:
    """A client is not paid what it asked for, and what was set aside is free again."""
    require_may(actor.roles, "release")
    reason = params.posted(request, "reason", 200)
    if not reason:
        raise Unreadable("reason: why it is not paid", pointer="reason")
    once = FormOnce(request, actor, operation="withdrawal", tell=lambda _: "The withdrawal is rejected: its amount is free again")
    told = carry_out(once, cancel_withdrawal, actor=actor, withdrawal_id=params.decode("wdr", withdrawal, "withdrawal"), reason=reason)
    messages.success(request, told)
    return redirect("desk:treasury")


@page("treasury")
@require_POST
def cancel(request: HttpRequest, actor: Actor, transfer: UUID) -> HttpResponse:
    """Take a transfer back before it is released."""
    once = FormOnce(request, actor, operation="house_transfer", tell=lambda _: "The transfer is cancelled")
    messages.success(request, carry_out(once, cancel_house_transfer, actor=actor, transfer_id=transfer))
    return redirect("desk:treasury")


@page("treasury")
@require_POST
def take_shortfall(request: HttpRequest, actor: Actor, one: UUID) -> HttpResponse:
    """Finance or compliance take client money that is not covered, and say what they do about it."""
    once = FormOnce(request, actor, operation="client_money", tell=lambda row: f"{row.asset_code} that is not covered is yours")
    messages.success(request, carry_out(once, take, actor=actor, shortfall_id=one, words=params.posted(request, "words", 200)))
    return redirect("desk:treasury")


def read_id(request: HttpRequest, name: str) -> UUID:
    try:
        return UUID(params.posted(request, name, 40))
    except ValueError:
        raise NotFound("no such account of ours") from None
