"""Whose client each account is: sales with their shares, and the introducer; asked for by sales, approved by risk."""

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.clients import queries as clients
from apps.core.actor import Actor
from apps.desk import amounts
from apps.desk.access import page
from apps.desk.amounts import Unreadable
from apps.desk.once import FormOnce, carry_out
from apps.reports.queries.desk import coverage
from apps.users import queries as users
from apps.users.rules import may_make
from apps.workflows.cover_account import propose_coverage

from . import params
from .shell import show

ROWS = range(1, 5)  # people on one form


@page("coverage")
@require_safe
def coverage_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    context: dict[str, Any] = {
        "rows": coverage.list_covered(),
        "may_propose": may_make(actor.roles, "coverage"),
        "people": users.list_with("sales"),
        "introducers": clients.list_introducers(),
        "numbers": ROWS,
    }
    return show(request, actor, "desk/coverage.html", screen="coverage", **context)


@page("coverage")
@require_POST
def propose(request: HttpRequest, actor: Actor) -> HttpResponse:
    shares: dict[str, Decimal] = {}
    for number in ROWS:
        name = params.posted(request, f"person_{number}")
        if not name:
            continue
        if name in shares:
            raise Unreadable(f"{name} stands twice", pointer=f"person_{number}")
        shares[name] = amounts.read(params.posted(request, f"share_{number}"), f"share of {name}")
    once = FormOnce(request, actor, operation="coverage", tell=lambda asked: f"{asked.title}: risk approves it")
    told = carry_out(
        once,
        propose_coverage,
        actor=actor,
        account=params.posted(request, "account"),
        sales=shares,
        introducer=params.posted(request, "introducer"),
    )
    messages.success(request, told)
    return redirect("desk:coverage")
