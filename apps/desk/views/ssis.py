"""Where clients are paid: what waits for us, one instruction with its evidence and history, and every hand that we have on it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.approvals import queries as approvals
from apps.clients import queries as clients
from apps.clients.states import SsiStatus
from apps.core import clock
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.desk.access import page
from apps.desk.once import FormOnce, carry_out
from apps.instruments import queries as instruments
from apps.reports.queries.desk import ssis
from apps.settlement import queries as settlement
from apps.settlement.operations import ways_in
from apps.settlement.operations.ways_in import Told
from apps.users.rules import may_make, require_may
from apps.workflows import change_ssi, enter_ssi, verify_ssi
from apps.workflows.enter_ssi import Word
from apps.workflows.tell_where_to_pay import request_pay_to
from apps.workflows.verify_ssi import Evidence

from . import params
from .parts import part_of
from .shell import show

STATUSES = ("all", *(str(one) for one in SsiStatus))


@page("ssis")
@require_safe
def ssi_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    chosen: dict[str, Any] = {"client": params.text(request, "client"), "status": params.text(request, "status", STATUSES)}
    context: dict[str, Any] = {
        "rows": part_of(
            request, "page", lambda limit, after: ssis.list_ssis(**chosen, limit=limit, after=after), lambda one: (one.created_at, one.id)
        ),
        "chosen": chosen,
        "statuses": STATUSES,
        "clients": [(one.code, one.name) for one in (*clients.list_clients(), *clients.list_liquidity())],
        "told": settlement.list_told(),
        "nostros": settlement.list_nostros(),
        "may_tell": may_make(actor.roles, ways_in.ACT),
        "may_enter": may_make(actor.roles, verify_ssi.ENTER),
        "accounts": [one for one in clients.visible_to(actor) if "CLIENT" in one.owner.roles],
        "rails": [(rail.code, rail.asset_id) for rail in instruments.list_rails()],
        "channels": enter_ssi.CHANNELS,
        "may_keep": may_make(actor.roles, verify_ssi.NUMBER),
    }
    return show(request, actor, "desk/ssis.html", screen="ssis", now=clock.desk_now(), **context)


@page("ssis")
@require_safe
def ssi_page(request: HttpRequest, actor: Actor, ssi: str) -> HttpResponse:
    row = ssis.find_ssi(_id(ssi))
    if row is None:
        raise NotFound("no such settlement instruction")
    found = clients.get_ssi(row.id, actor=actor)
    early = row.status in {"DRAFT", "VERIFYING"}
    context: dict[str, Any] = {
        "ssi": row,
        "evidence": found.evidence,
        "history": ssis.list_history(row.id),
        "asked": approvals.visible_to(actor).filter(subject_id=row.id, status="REQUESTED"),
        "kinds": verify_ssi.kinds_for(found),
        "to_sign": verify_ssi.text_to_sign(found),
        "to_send": verify_ssi.amount_to_send(found),
        "numbers": [one for one in clients.list_numbers(found.account.owner_id) if one.recorded_at < found.created_at],
        "may_verify": row.status == "VERIFYING" and found.entered_by != actor.id and may_make(actor.roles, verify_ssi.VERIFY),
        "may_waive": row.status == "APPROVED" and found.entered_by is None and may_make(actor.roles, verify_ssi.WAIVE),
        "may_resume": row.status == "SUSPENDED" and found.entered_by != actor.id and may_make(actor.roles, verify_ssi.RESUME),
        "may_suspend": row.status == "ACTIVE" and may_make(actor.roles, change_ssi.STOP),
        "may_end": (early or row.status in clients.KNOWN) and may_make(actor.roles, change_ssi.STOP),
        "end_word": "Reject" if early else "Revoke",
    }
    return show(request, actor, "desk/ssi.html", screen="ssis", now=clock.desk_now(), **context)


@page("ssis")
@require_POST
def enter(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Operations enter one on a client's word."""
    require_may(actor.roles, verify_ssi.ENTER)
    rail, _, asset = params.posted(request, "place").partition(" ")
    once = FormOnce(request, actor, operation="ssi_entry", tell=lambda ssi: f"{ssi.asset_code} at {ssi.address}: another one calls back")
    told = carry_out(
        once,
        enter_ssi.enter_ssi,
        actor=actor,
        account=params.posted(request, "account"),
        rail=rail,
        asset=asset,
        address=params.posted(request, "address", 120),
        bic=params.posted(request, "bic", 11),
        self_hosted=params.posted(request, "self_hosted") == "yes",
        word=Word(params.posted(request, "person", 120), params.posted(request, "channel", 10), params.posted(request, "reference", 200)),
    )
    messages.success(request, told)
    return redirect("desk:ssis")


@page("ssis")
@require_POST
def verify(request: HttpRequest, actor: Actor, ssi: str) -> HttpResponse:
    """Give the evidence; another one of operations signs, and compliance for a self-hosted wallet."""
    evidence = Evidence(
        kind=params.posted(request, "kind", 20),
        proof=params.posted(request, "proof", 200),
        person=params.posted(request, "person", 120),
        number_id=_number(request),
        note=params.posted(request, "note", 200),
    )
    return _done(request, actor, ssi, verify_ssi.request_verification, "Asked: the next one signs under Approvals", evidence=evidence)


@page("ssis")
@require_POST
def waive(request: HttpRequest, actor: Actor, ssi: str) -> HttpResponse:
    told = "Asked: operations and compliance have to agree"
    return _done(request, actor, ssi, verify_ssi.request_waiver, told, reason=params.posted(request, "reason", 200))


@page("ssis")
@require_POST
def resume(request: HttpRequest, actor: Actor, ssi: str) -> HttpResponse:
    told = "Asked: another one of operations signs"
    return _done(request, actor, ssi, verify_ssi.request_resumption, told, reason=params.posted(request, "reason", 200))


@page("ssis")
@require_POST
def suspend(request: HttpRequest, actor: Actor, ssi: str) -> HttpResponse:
    told = "Suspended: what was to be paid there is blocked"
    return _done(request, actor, ssi, change_ssi.suspend_ssi, told, reason=params.posted(request, "reason", 200))


@page("ssis")
@require_POST
def revoke(request: HttpRequest, actor: Actor, ssi: str) -> HttpResponse:
    told = "Ended: what was to be paid there is blocked"
    return _done(request, actor, ssi, change_ssi.revoke_ssi, told, reason=params.posted(request, "reason", 200))


@page("ssis")
@require_POST
def keep_number(request: HttpRequest, actor: Actor) -> HttpResponse:
    once = FormOnce(request, actor, operation="contact_number", tell=lambda made: f"{made.number} is on file from now on")
    told = carry_out(
        once,
        verify_ssi.keep_number,
        actor=actor,
        client=params.posted(request, "client", 30),
        person=params.posted(request, "person", 120),
        number=params.posted(request, "number", 40),
    )
    messages.success(request, told)
    return redirect("desk:ssis")


@page("ssis")
@require_POST
def tell_otherwise(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Ask that clients be told another holder or bank of an account of ours, or that it is not named any more."""
    told = Told(
        holder=params.posted(request, "holder", 119),
        bic=params.posted(request, "bic", 11),
        bank=params.posted(request, "bank", 119),
        withdrawn=request.POST.get("withdrawn") == "yes",
    )
    once = FormOnce(request, actor, operation="pay_to", tell=lambda asked: f"Asked: {asked.title}. Finance answers")
    reason = params.posted(request, "reason", 200)
    messages.success(request, carry_out(once, request_pay_to, actor=actor, nostro_id=_number(request, "nostro"), told=told, reason=reason))
    return redirect("desk:ssis")


def _done(request: HttpRequest, actor: Actor, ssi: str, act: Any, told: str, **kw: Any) -> HttpResponse:
    once = FormOnce(request, actor, operation="ssi", tell=lambda _: told)
    messages.success(request, carry_out(once, act, actor=actor, ssi_id=_id(ssi), **kw))
    return redirect("desk:ssi", ssi=ssi)


def _id(wire: str) -> UUID:
    return params.decode("ssi", wire, "settlement instruction")


def _number(request: HttpRequest, name: str = "number") -> UUID | None:
    try:
        return UUID(params.posted(request, name, 40))
    except ValueError:
        return None
