"""Reconciliation: the four proofs of a business date, and the breaks that people work on."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.clients import queries as clients
from apps.close import queries as days
from apps.close import rules
from apps.close.states import BreakProof
from apps.core import clock
from apps.core.actor import Actor
from apps.desk.access import page
from apps.desk.amounts import Unreadable
from apps.desk.once import FormOnce, carry_out
from apps.instruments import queries as instruments
from apps.users import queries as users
from apps.users.rules import may_make, require_may
from apps.workflows.reconcile import ask_write_off, due_date, import_venue_balances, reconcile, work_break

from . import params
from .parts import part_of_rows
from .shell import show

SHOWN = 200  # breaks at once
ENDED = 50  # of the breaks that are gone, the last ones


@page("reconciliation")
@require_safe
def reconciliation_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    now = clock.desk_now()
    entity = instruments.list_entities()[0]
    on = params.day(request, "date") or due_date(entity.id, now)
    day = days.find_day(entity.id, on)
    kept = {one.kind: one for one in days.list_proofs(day.id)} if day is not None else {}
    part = part_of_rows(request, "breaks", days.list_breaks(entity.id), size=SHOWN)
    context: dict[str, Any] = {
        "on": on,
        "day": day,
        "days": days.list_days(entity.id),
        "proofs": [(kind, kept.get(kind)) for kind in BreakProof],
        "breaks": [(one, max((on - one.since).days, 0), rules.blocks(days.known_as(one)), one.kind in rules.WRITABLE) for one in part],
        "part": part,
        "ended": days.list_breaks(entity.id, ended=True)[:ENDED],
        "may_work": may_make(actor.roles, "break"),
        "may_write_off": may_make(actor.roles, "break_write_off"),
        "may_record": may_make(actor.roles, "lp_record"),
        "people": sorted({one.username for role in ("operations", "finance") for one in users.list_with(role)}),
        "venues": clients.list_liquidity(),
    }
    return show(request, actor, "desk/reconciliation.html", screen="reconciliation", now=now, **context)


@page("reconciliation")
@require_POST
def run(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Take the four proofs now."""
    require_may(actor.roles, "break")
    entity = instruments.list_entities()[0]
    on = params.posted_day(request, "date") or due_date(entity.id, clock.desk_now())
    done = reconcile(entity_id=entity.id, on=on)
    left = len(done.breaks)
    messages.success(request, f"{on.isoformat()}: {'nothing is open' if not left else f'{left} breaks'}")
    return redirect("desk:reconciliation")


@page("reconciliation")
@require_POST
def work(request: HttpRequest, actor: Actor, one: UUID) -> HttpResponse:
    """Take it, give it to somebody, explain it, say something about it."""
    once = FormOnce(request, actor, operation="break", tell=lambda row: f"{row.words}: noted")
    told = carry_out(
        once,
        work_break,
        actor=actor,
        break_id=one,
        act=params.posted(request, "act"),
        text=params.posted(request, "text", 300),
        to=params.posted(request, "to"),
    )
    messages.success(request, told)
    return redirect("desk:reconciliation")


@page("reconciliation")
@require_POST
def write_off(request: HttpRequest, actor: Actor, one: UUID) -> HttpResponse:
    """Ask finance to let the ledger take over what the outside says."""
    once = FormOnce(request, actor, operation="break_write_off", tell=lambda asked: f"Asked: {asked.title}. Finance grants it")
    told = carry_out(once, ask_write_off, actor=actor, break_id=one, reason=params.posted(request, "reason", 200))
    messages.success(request, told)
    return redirect("desk:reconciliation")


@page("reconciliation")
@require_POST
def venue_balances(request: HttpRequest, actor: Actor) -> HttpResponse:
    """What an LP or venue says we hold there."""
    on = params.posted_day(request, "date")
    if on is None:
        raise Unreadable("a date", pointer="date")
    once = FormOnce(request, actor, operation="venue_balances", tell=lambda new: f"{new} balances are new or changed")
    told = carry_out(
        once,
        import_venue_balances,
        actor=actor,
        entity_id=instruments.list_entities()[0].id,
        counterparty=params.posted(request, "counterparty"),
        on=on,
        text=request.POST.get("file", ""),
    )
    messages.success(request, told)
    return redirect("desk:reconciliation")
