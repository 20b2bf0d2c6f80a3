"""What is late: by age and one by one; a deal re-dated, a default recorded."""

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.clients import queries as clients
from apps.core import clock
from apps.core.actor import Actor
from apps.desk import amounts
from apps.desk.access import page
from apps.desk.once import FormOnce, carry_out
from apps.reports.queries.desk import late, net_sets
from apps.settlement.rules.closing_out import EVENTS
from apps.users.rules import may_make
from apps.workflows import close_out as closing
from apps.workflows import redate_deal

from . import params
from .parts import part_of
from .shell import show


@page("settlement")
@require_safe
def late_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The ageing book: what is past its due date, by account, asset and age, then payment by payment, and our own money on its way."""
    context: dict[str, Any] = {
        "late": net_sets.list_late(),
        "fails": part_of(request, "fails", late.list_fails, lambda one: (one.due_date, one.account, one.id)),
        "moves": part_of(request, "moves", late.list_transfers, lambda one: (one.due_date, one.id)),
        "close_outs": part_of(request, "closed", late.list_close_outs, lambda one: (one.closed_at, one.id)),
        "may_redate": may_make(actor.roles, redate_deal.ACT),
        "may_close_out": may_make(actor.roles, closing.ACT),
    }
    if context["may_close_out"]:
        context |= {"clients": [(one.code, one.name) for one in clients.list_clients()], "events": EVENTS}
    return show(request, actor, "desk/late.html", screen="settlement", now=clock.desk_now(), **context)


@page("settlement")
@require_POST
def redate(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Ask for another value date of a deal that failed, with interest where it was agreed."""
    rate = params.posted(request, "rate", 10)
    once = FormOnce(request, actor, operation="redate", tell=lambda asked: f"Asked: {asked.title}. Another one of operations approves it")
    told = carry_out(
        once,
        redate_deal.ask_redate,
        actor=actor,
        trade_id=params.decode("trd", params.posted(request, "trade", 40), "deal"),
        value_date=params.needed_day(request, "value_date"),
        late=params.posted(request, "late", 10),
        rate=amounts.read(rate, "rate") / 100 if rate else Decimal(0),
        note=params.posted(request, "note", 200),
        consent=params.posted(request, "consent", 120),
    )
    messages.success(request, told)
    return redirect("desk:late")


@page("settlement")
@require_POST
def close_out(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Record an event of default; another one of risk answers."""
    once = FormOnce(request, actor, operation="close_out", tell=lambda asked: f"Asked: {asked.title}. Another one of risk approves it")
    told = carry_out(
        once,
        closing.ask_close_out,
        actor=actor,
        client_code=params.posted(request, "client", 40),
        event=params.posted(request, "event", 20),
        evidence=params.posted(request, "evidence", 200),
        marks_date=params.needed_day(request, "marks_date"),
    )
    messages.success(request, told)
    return redirect("desk:late")
