"""Credit: what stands against which line, breaches and calls; limits are asked for here and approved by another one of risk."""

from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.clients import queries as clients
from apps.clients import rules as client_rules
from apps.clients.states import ClientStatus
from apps.core import clock, money
from apps.core.actor import SYSTEM, Actor
from apps.core.errors import NotFound, Rejected
from apps.credit import queries as credit
from apps.credit.operations.lines import Limits
from apps.credit.states import CallStatus, Level, Measure
from apps.desk import amounts
from apps.desk.access import page
from apps.desk.once import FormOnce, carry_out
from apps.instruments import queries as instruments
from apps.reports.queries.desk import credit as lines
from apps.users.rules import may_make
from apps.workflows.change_status import lower_status, propose_status
from apps.workflows.manage_credit import issue_call, propose_haircut, propose_line, propose_withdrawal

from . import params
from .parts import part_of
from .shell import show


class BadEntry(Rejected):
    code, title = "bad_entry", "The form holds something that cannot be read"


@page("credit")
@require_safe
def credit_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    rows = lines.hottest_first(lines.list_lines())
    now = clock.desk_now()
    everyone = clients.list_clients()
    context: dict[str, Any] = {
        "rows": rows,
        "breaches": [row for row in rows if row.breach],
        "calls": [(call, credit.describe_call(call, now)) for call in _open_calls()],
        "marks": sorted(credit.read_marks().items()),
        "haircuts": credit.list_haircuts(),
        "clients": everyone,
        "accounts": clients.visible_to(SYSTEM),
        "groups": clients.list_groups(),
        "lps": clients.list_liquidity(),
        "pairs": instruments.list_pairs(),
        "measures": list(Measure),
        "may_set": may_make(actor.roles, "line"),
        "may_lower": may_make(actor.roles, "client_down"),
        "may_raise": may_make(actor.roles, "client_up"),
        "statuses": [ClientStatus.RESTRICTED, ClientStatus.SUSPENDED, ClientStatus.FROZEN, ClientStatus.OFFBOARDED, ClientStatus.APPROVED],
    }
    return show(request, actor, "desk/credit.html", screen="credit", **context)


@page("credit")
@require_safe
def line_page(request: HttpRequest, actor: Actor, line: UUID) -> HttpResponse:
    found = lines.list_lines(line_id=line)
    if not found:
        raise NotFound("no such line")
    context: dict[str, Any] = {
        "row": found[0],
        "taken": part_of(request, "taken", partial(lines.list_taken, line), lambda one: (one.amount, one.id)),
        "grants": lines.list_grants(line),
        "may_set": may_make(actor.roles, "line") and found[0].level != "LP",
        "under": [clients.get_counterparty(one) for one in clients.list_under(found[0].level, found[0].subject_id)],
    }
    return show(request, actor, "desk/credit_line.html", screen="credit", title=f"{found[0].code} {found[0].measure.lower()}", **context)


@page("credit")
@require_POST
def set_line(request: HttpRequest, actor: Actor) -> HttpResponse:
    level, subject = _subject(params.posted(request, "subject"))
    once = FormOnce(request, actor, operation="line", tell=_asked)
    limits = Limits(
        amount=_amount(request, "amount"),
        excess=_amount(request, "excess", money.ZERO),
        excess_until=_moment(request, "excess_until") if request.POST.get("excess_until") else None,
        excess_reason=params.posted(request, "excess_reason", 200),
        valid_from=_moment(request, "valid_from"),
        valid_until=_moment(request, "valid_until"),
    )
    measure = _one_of(Measure, request, "measure")
    why = params.posted(request, "why", 200)
    told = carry_out(once, propose_line, actor=actor, level=level, subject_id=subject, measure=measure, limits=limits, reason=why)
    messages.success(request, told)
    return redirect("desk:credit")


@page("credit")
@require_POST
def set_haircut(request: HttpRequest, actor: Actor) -> HttpResponse:
    once = FormOnce(request, actor, operation="haircut", tell=_asked)
    shares = {name: _amount(request, name) / 100 for name in ("normal", "stressed")}
    messages.success(request, carry_out(once, propose_haircut, actor=actor, pair_code=params.posted(request, "pair"), **shares))
    return redirect("desk:credit")


@page("credit")
@require_POST
def call(request: HttpRequest, actor: Actor, line: UUID) -> HttpResponse:
    once = FormOnce(request, actor, operation="exposure_call", tell=lambda made: f"Called for {money.text(made.amount)} USD")
    client = params.posted(request, "client")
    told = carry_out(
        once,
        issue_call,
        actor=actor,
        line_id=line,
        client_id=clients.get_client(client).id if client else None,
        amount=_amount(request, "amount"),
        reason=params.posted(request, "reason", 200),
        due_at=_moment(request, "due_at"),
    )
    messages.success(request, told)
    return redirect("desk:credit-line", line=line)


@page("credit")
@require_POST
def withdraw(request: HttpRequest, actor: Actor, call: UUID) -> HttpResponse:
    once = FormOnce(request, actor, operation="exposure_call", tell=_asked)
    told = carry_out(once, propose_withdrawal, actor=actor, call_id=call, reason=params.posted(request, "reason", 200))
    messages.success(request, told)
    return redirect("desk:credit")


@page("credit")
@require_POST
def set_status(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Of a client or of one account of it: stricter at once, or asked for where it is a step up."""
    named, _, code = params.posted(request, "client").rpartition(":")
    thing: Any = clients.get_account_by_code(code) if named == "account" else clients.get_client(code)
    status = _one_of(ClientStatus, request, "status")
    given: dict[str, Any] = {"actor": actor, "status": status, "reason": params.posted(request, "reason", 200)}
    given |= {"client_id": thing.owner_id, "account_id": thing.id} if named == "account" else {"client_id": thing.id}
    if not given["reason"]:
        raise BadEntry("say why", pointer="reason")
    if client_rules.is_up(thing.status, status):
        once = FormOnce(request, actor, operation="client_status", tell=_asked)
        messages.success(request, carry_out(once, propose_status, **given))
    else:
        once = FormOnce(request, actor, operation="client_status", tell=lambda done: f"{done} is {done.status.lower()}")
        messages.warning(request, carry_out(once, lower_status, **given))
    return redirect("desk:credit")


def _open_calls() -> list[Any]:
    return list(credit.calls_visible_to(SYSTEM).filter(status=CallStatus.ISSUED))


def _asked(approval: Any) -> str:
    return f"Asked: {approval.title}. Another one approves it"


def _subject(text: str) -> tuple[Level, UUID]:
    level, _, value = text.partition(":")
    try:
        return Level(level), UUID(value)
    except ValueError:
        raise BadEntry("choose whose line it is", pointer="subject") from None


def _one_of(kind: Any, request: HttpRequest, name: str) -> Any:
    try:
        return kind(params.posted(request, name))
    except ValueError:
        raise BadEntry(f"{name}: not one of {', '.join(kind)}", pointer=name) from None


def _amount(request: HttpRequest, name: str, default: Decimal | None = None) -> Decimal:
    text = params.posted(request, name).replace(",", "")
    if not text and default is not None:
        return default
    try:
        return money.parse(text)
    except money.NotAnAmount as no:
        raise BadEntry(f"{name}: {no}", pointer=name) from None


def _moment(request: HttpRequest, name: str) -> datetime:
    """`2026-09-15T12:00` or a date, in UTC."""
    return amounts.read_moment(params.posted(request, name), name)
