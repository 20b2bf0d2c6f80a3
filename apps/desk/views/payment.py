"""One payment: where it stands, what its rail says, its transactions and attempts; and the request to replace a transaction that hangs."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.core import clock, money
from apps.core.actor import Actor
from apps.core.errors import Rejected
from apps.desk.access import SEES_COMPLIANCE, page
from apps.desk.once import FormOnce, carry_out
from apps.settlement import queries as settlement
from apps.settlement.queries import replacing
from apps.settlement.queries.reports import list_attempts, list_parts, list_reports
from apps.settlement.states import InstructionStatus
from apps.users.rules import may_make
from apps.workflows.replace_transaction import request_replacement

from . import params
from .blockers import read_blockers
from .shell import show


class NoFee(Rejected):
    """A network fee that cannot be read; `pointer` names it."""

    code, title = "no_fee", "Not a network fee"


@page("settlement")
@require_safe
def payment_page(request: HttpRequest, actor: Actor, instruction: str) -> HttpResponse:
    found = settlement.get_instruction(params.decode("ins", instruction, "instruction"), actor=actor)
    now, may_know = clock.desk_now(), bool(actor.roles & SEES_COMPLIANCE)
    decisions = [(one, read_blockers(one.blockers, may_know=may_know)) for one in settlement.list_decisions([found.id])]
    stuck = replacing.is_stuck(found, now) and found.nostro.rail.kind == "CHAIN"
    context: dict[str, Any] = {
        "i": found,
        "decisions": decisions,
        "reports": list_reports(found.id),
        "replacements": replacing.list_replacements(found.id),
        "lines": replacing.list_lines(found),
        "attempts": [] if found.status == InstructionStatus.SPLIT else list_attempts(found),
        "parts": list_parts(found),
        "may_recall": found.status == InstructionStatus.SPLIT and may_make(actor.roles, "release"),
        "stuck": stuck,
        "may_replace": stuck and may_make(actor.roles, "replacement"),
    }
    return show(request, actor, "desk/payment.html", screen="settlement", title="Payment", now=now, **context)


@page("settlement")
@require_POST
def replace(request: HttpRequest, actor: Actor, instruction: str) -> HttpResponse:
    """Ask for a transaction with a higher fee; within the rail's first band nobody else is needed."""
    try:
        fee = money.parse(params.posted(request, "fee", 60))
    except money.NotAnAmount as no:
        raise NoFee(f"fee: {no}", pointer="fee") from None
    once = FormOnce(request, actor, operation="replacement", tell=_told)
    told = carry_out(
        once,
        request_replacement,
        actor=actor,
        instruction_id=params.decode("ins", instruction, "instruction"),
        fee=fee,
        reason=params.posted(request, "reason", 200)[:200],
    )
    messages.success(request, told)
    return redirect("desk:payment", instruction=instruction)


def _told(made: object) -> str:
    title = getattr(made, "title", "")
    return f"Asked: {title}. Another one of operations approves it" if title else "The transaction is replaced within its band"
