"""Compliance's alerts: what is open with its age and owner, one by one with what was done about it. For compliance and auditors alone."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.clients import queries as clients
from apps.compliance import queries
from apps.core import clock
from apps.core.actor import Actor
from apps.desk.access import page
from apps.desk.once import FormOnce, carry_out
from apps.users.rules import may_make
from apps.workflows import work_alerts

from . import params
from .parts import part_of_rows
from .shell import show

SAID = {"TAKEN": "You look after it", "NOTED": "Written down", "ESCALATED": "Escalated", "REPORTED": "Reported", "CLOSED": "Closed"}


@page("alerts")
@require_safe
def alerts_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    every = request.GET.get("show") == "all"
    rows = queries.list_alerts(every=every)
    part = part_of_rows(request, "page", rows)
    context: dict[str, Any] = {"alerts": part, "count": rows.count(), "every": every, "at_now": clock.desk_now()}
    return show(request, actor, "desk/alerts.html", screen="alerts", **context)


@page("alerts")
@require_safe
def alert_page(request: HttpRequest, actor: Actor, alert: str) -> HttpResponse:
    found = queries.get_alert(params.decode("alt", alert, "alert"))
    context: dict[str, Any] = {
        "a": found,
        "party": None if found.client_id is None else clients.get_counterparty(found.client_id),
        "notes": queries.list_alert_notes(found.id),
        "may_work": may_make(actor.roles, work_alerts.ACT),
        "at_now": clock.desk_now(),
    }
    return show(request, actor, "desk/alert.html", screen="alerts", title=found.rule.replace("_", " ").capitalize(), **context)


@page("alerts")
@require_POST
def work(request: HttpRequest, actor: Actor, alert: str) -> HttpResponse:
    act = params.posted(request, "act", 10)
    once = FormOnce(request, actor, operation="alert", tell=lambda _: SAID[act])
    text = params.posted(request, "text", 500)
    told = carry_out(once, work_alerts.work_alert, actor=actor, alert_id=params.decode("alt", alert, "alert"), act=act, text=text)
    messages.success(request, told)
    return redirect("desk:alert", alert=alert)
