"""Kill switches: anyone entitled throws one at once; a second person lifts it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.clients import queries as clients
from apps.core.actor import Actor
from apps.core.errors import Rejected
from apps.desk.access import page
from apps.desk.once import FormOnce, carry_out
from apps.instruments import queries as instruments
from apps.pricing import queries as pricing
from apps.reports.queries.desk import settlement
from apps.users import queries as users
from apps.users.rules import may_make
from apps.workflows.halt import lift_halt, throw_halt
from apps.workflows.request_release import resume_releases, stop_releases

from .shell import show


class ReasonMissing(Rejected):
    code, title = "reason_missing", "Say why"


@page("halts")
@require_safe
def halt_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    active, past = pricing.list_halts(), pricing.list_past_halts()
    stops = settlement.list_release_stops()
    everyone = {s.thrown_by for s in stops} | {
        person for h in (*active, *past) for person in (h.thrown_by, h.lifted_by) if person is not None
    }
    names = users.names(everyone)
    known = {c.id: c for c in clients.list_clients()}
    rows = [(h, names.get(h.thrown_by, "–"), known.get(h.client_id) if h.client_id else None, h.thrown_by == actor.id) for h in active]
    gone = [
        (
            h,
            names.get(h.thrown_by, "–"),
            names.get(h.lifted_by, "–") if h.lifted_by else "–",
            known.get(h.client_id) if h.client_id else None,
        )
        for h in past
    ]
    stopped = [(s, names.get(s.thrown_by, "–"), s.thrown_by == actor.id) for s in stops]
    context: dict[str, Any] = {"stopped": stopped, "rows": rows, "gone": gone, "clients": known.values(), "pairs": instruments.list_pairs()}
    return show(request, actor, "desk/halts.html", screen="halts", may_throw=may_make(actor.roles, "halt_on"), **context)


@page("halts")
@require_POST
def throw(request: HttpRequest, actor: Actor) -> HttpResponse:
    reason = request.POST.get("reason", "").strip()[:200]
    if not reason:
        raise ReasonMissing("a kill switch is thrown with a reason", pointer="reason")
    scope, _, what = request.POST.get("scope", "").partition(":")
    if scope == "payments":
        stop = FormOnce(request, actor, operation="halt", tell=lambda _: "No payment leaves")
        messages.warning(request, carry_out(stop, stop_releases, actor=actor, reason=reason))
        return redirect("desk:halts")
    once = FormOnce(request, actor, operation="halt", tell=lambda halt: f"Stopped: {halt.pair_code or halt.scope.lower()}")
    client = clients.get_client(what) if scope == "client" else None
    pair = what if scope == "pair" else ""
    if scope not in {"all", "pair", "client"}:
        raise ReasonMissing("choose what to stop: all dealing, a pair, a client, or payments", pointer="scope")
    told = carry_out(once, throw_halt, actor=actor, reason=reason, pair_code=pair, client_id=client.id if client else None)
    messages.warning(request, told)
    return redirect("desk:halts")


@page("halts")
@require_POST
def lift(request: HttpRequest, actor: Actor, halt: UUID) -> HttpResponse:
    once = FormOnce(request, actor, operation="halt", tell=lambda done: f"Dealing again: {done.pair_code or done.scope.lower()}")
    messages.success(request, carry_out(once, lift_halt, actor=actor, halt_id=halt))
    return redirect("desk:halts")


@page("halts")
@require_POST
def resume(request: HttpRequest, actor: Actor) -> HttpResponse:
    once = FormOnce(request, actor, operation="halt", tell=lambda _: "Payments leave again")
    messages.success(request, carry_out(once, resume_releases, actor=actor))
    return redirect("desk:halts")
