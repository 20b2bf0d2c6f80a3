"""Adjustments: asked by operations or sales, approved by finance."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.core import clock
from apps.core.actor import Actor
from apps.desk import amounts
from apps.desk.access import page
from apps.desk.once import FormOnce, carry_out
from apps.instruments import queries as instruments
from apps.reports.queries import invoices
from apps.reports.queries.desk import adjustments
from apps.settlement.rules.adjusting import AGAINST
from apps.users.rules import may_make
from apps.workflows.adjust import ACT, Wanted, ask_adjustment, ask_reversal
from apps.workflows.bill_fees import ask_bill

from . import params
from .parts import part_of
from .shell import show


@page("adjustments")
@require_safe
def adjustments_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    now = clock.desk_now()
    may = may_make(actor.roles, ACT)
    rows = part_of(request, "page", adjustments.list_adjustments, lambda one: (one.status == "REQUESTED", one.requested_at, one.id))
    context: dict[str, Any] = {"rows": rows, "may_ask": may, "unbilled": invoices.list_unbilled()}
    if may:
        context |= {
            "kinds": [(str(kind), direction) for kind, ways in AGAINST.items() for direction in ways],
            "accounts": adjustments.list_accounts(),
            "assets": [one.code for one in instruments.list_assets()],
            "today": now.date().isoformat(),
        }
    return show(request, actor, "desk/adjustments.html", screen="adjustments", now=now, **context)


@page("adjustments")
@require_POST
def ask(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Ask finance that something be owed."""
    kind, _, direction = params.posted(request, "kind", 30).partition(":")
    deal = params.posted(request, "trade", 40)
    wanted = Wanted(
        kind=kind,
        direction=direction,
        asset=params.posted(request, "asset", 12),
        amount=amounts.read(params.posted(request, "amount", 60), "amount"),
        value_date=params.needed_day(request, "value_date"),
        reason=params.posted(request, "reason", 200),
        evidence=params.posted(request, "evidence", 200),
        trade_id=params.decode("trd", deal, "deal") if deal else None,
        writes_off=params.posted(request, "writes_off", 40),
    )
    once = FormOnce(request, actor, operation="adjustment", tell=lambda made: f"Asked: {made[1].title}. Finance approves it")
    messages.success(
        request, carry_out(once, ask_adjustment, actor=actor, account_code=params.posted(request, "account", 40), wanted=wanted)
    )
    return redirect("desk:adjustments")


@page("adjustments")
@require_POST
def bill(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Ask finance that the fees invoiced to an account be owed."""
    once = FormOnce(request, actor, operation="fees_bill", tell=lambda made: f"Asked: {made[1].title}. Finance approves it")
    told = carry_out(
        once,
        ask_bill,
        actor=actor,
        account_code=params.posted(request, "account", 40),
        asset=params.posted(request, "asset", 12),
        value_date=params.needed_day(request, "value_date"),
        reason=params.posted(request, "reason", 200),
    )
    messages.success(request, told)
    return redirect("desk:adjustments")


@page("adjustments")
@require_POST
def reverse(request: HttpRequest, actor: Actor, adjustment: str) -> HttpResponse:
    """Ask finance to undo one that is booked and not yet netted or paid."""
    once = FormOnce(request, actor, operation="adjustment_reversal", tell=lambda asked: f"Asked: {asked.title}. Finance approves it")
    told = carry_out(
        once,
        ask_reversal,
        actor=actor,
        adjustment_id=params.decode("adj", adjustment, "adjustment"),
        reason=params.posted(request, "reason", 200),
    )
    messages.success(request, told)
    return redirect("desk:adjustments")
