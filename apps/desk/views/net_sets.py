"""One net set: its lines, what the client says of them, and the request to make it anew."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.core import clock
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.desk import amounts
from apps.desk.access import page
from apps.desk.once import FormOnce, carry_out
from apps.reports.queries.desk import net_sets
from apps.users.rules import may_make
from apps.workflows.settle_net_set import ABORT, agree_net_set, dispute_net_set, request_abort

from . import params
from .shell import show


@page("settlement")
@require_safe
def set_page(request: HttpRequest, actor: Actor, net_set: str) -> HttpResponse:
    found = net_sets.find_set(params.decode("set", net_set, "net set"))
    if found is None:
        raise NotFound("no such net set")
    context: dict[str, Any] = {"set": found, "lines": net_sets.list_lines(found.id), "may_act": may_make(actor.roles, ABORT)}
    return show(request, actor, "desk/net_set.html", screen="settlement", now=clock.desk_now(), **context)


@page("settlement")
@require_POST
def agree(request: HttpRequest, actor: Actor, net_set: str) -> HttpResponse:
    once = FormOnce(request, actor, operation="net_set", tell=lambda _: "The set is agreed")
    evidence = params.posted(request, "evidence", 200)[:200]
    messages.success(request, carry_out(once, agree_net_set, actor=actor, net_set_id=_set(net_set), evidence=evidence))
    return redirect("desk:net-set", net_set=net_set)


@page("settlement")
@require_POST
def dispute(request: HttpRequest, actor: Actor, net_set: str) -> HttpResponse:
    once = FormOnce(request, actor, operation="net_set", tell=lambda _: "The lines are disputed: nothing of the set is paid")
    told = carry_out(
        once,
        dispute_net_set,
        actor=actor,
        net_set_id=_set(net_set),
        lines=dict.fromkeys(_lines(request), params.posted(request, "reason", 200)[:200]),
        evidence=params.posted(request, "evidence", 200)[:200],
    )
    messages.success(request, told)
    return redirect("desk:net-set", net_set=net_set)


@page("settlement")
@require_POST
def abort(request: HttpRequest, actor: Actor, net_set: str) -> HttpResponse:
    """Ask a second person to make the set anew; the chosen lines go into a later one."""
    once = FormOnce(request, actor, operation="net_set", tell=lambda asked: f"Asked: {asked.title}. Another one of operations approves it")
    left_out = _lines(request)
    told = carry_out(
        once,
        request_abort,
        actor=actor,
        net_set_id=_set(net_set),
        reason=params.posted(request, "reason", 200)[:200],
        leave_out=left_out,
        until=amounts.read_moment(params.posted(request, "until", 40), "until") if left_out else None,
    )
    messages.success(request, told)
    return redirect("desk:net-set", net_set=net_set)


def _set(wire: str) -> UUID:
    return params.decode("set", wire, "net set")


def _lines(request: HttpRequest) -> list[UUID]:
    return [params.decode("obl", one, "obligation") for one in request.POST.getlist("line")]
