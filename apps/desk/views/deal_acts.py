"""What one of ours does to a client's deal: asks to correct or cancel it, answers its confirmation for the client, ends its dispute."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from apps.core import ids
from apps.core.actor import Actor
from apps.desk.access import page
from apps.desk.amounts import Unreadable, read, read_moment, read_signed
from apps.desk.once import FormOnce, carry_out
from apps.reports.rendering.layouts.confirmation import confirmation_pdf
from apps.trades import queries as trades
from apps.users.rules import require_may
from apps.workflows import change_deal, confirm_deal

from . import params
from .shell import goto

NOTE, CONSENT, WORD = 200, 120, 300  # the longest note to the client, consent reference, evidence or detail


@page("blotter")
@require_POST
def correct(request: HttpRequest, actor: Actor, deal: str) -> HttpResponse:
    """A field that is left empty, or as it is, stays as it is."""
    require_may(actor.roles, change_deal.KIND)
    changes = change_deal.Changes(
        price=_amount(request, "price"),
        quantity=_amount(request, "quantity"),
        side=params.posted(request, "side", 8) or None,
        fee=read_signed(params.posted(request, "fee"), "fee") if params.posted(request, "fee") else None,
        value_date=params.needed_day(request, "value_date") if params.posted(request, "value_date") else None,
    )
    return _ask(request, actor, deal, changes)


@page("blotter")
@require_POST
def cancel(request: HttpRequest, actor: Actor, deal: str) -> HttpResponse:
    require_may(actor.roles, change_deal.KIND)
    return _ask(request, actor, deal, None)


def _ask(request: HttpRequest, actor: Actor, deal: str, changes: change_deal.Changes | None) -> HttpResponse:
    once = FormOnce(request, actor, operation="trade_version", tell=_asked)
    told = carry_out(
        once,
        change_deal.ask_version,
        actor=actor,
        trade_id=_deal(deal),
        changes=changes,
        reason=params.posted(request, "reason", 20),
        note=read_words(request, "note", NOTE),
        consent=read_words(request, "consent", CONSENT),
        effective_at=read_moment(since, "effective_at") if (since := params.posted(request, "effective_at", 40)) else None,
    )
    return done(request, deal, told)


@page("blotter")
@require_POST
def affirm(request: HttpRequest, actor: Actor, deal: str) -> HttpResponse:
    require_may(actor.roles, "affirm")
    once = FormOnce(request, actor, operation="confirmation", tell=lambda _: "Affirmed for the client")
    given = {"version": _version(request), "evidence": read_words(request, "evidence", WORD)}
    return done(request, deal, carry_out(once, confirm_deal.affirm_trade, actor=actor, trade_id=_deal(deal), **given))


@page("blotter")
@require_POST
def dispute(request: HttpRequest, actor: Actor, deal: str) -> HttpResponse:
    require_may(actor.roles, "affirm")
    once = FormOnce(request, actor, operation="dispute", tell=lambda _: "Disputed for the client: what is open of the deal is not paid")
    given: dict[str, Any] = {
        "version": _version(request),
        "reason": params.posted(request, "reason", 20),
        "detail": read_words(request, "detail", WORD),
        "evidence": read_words(request, "evidence", WORD),
    }
    return done(request, deal, carry_out(once, confirm_deal.dispute_trade, actor=actor, trade_id=_deal(deal), **given))


@page("blotter")
@require_POST
def withdraw_dispute(request: HttpRequest, actor: Actor, deal: str) -> HttpResponse:
    require_may(actor.roles, "affirm")
    once = FormOnce(request, actor, operation="dispute", tell=lambda _: "The client's dispute is withdrawn")
    given = {"reason": read_words(request, "reason", NOTE), "evidence": read_words(request, "evidence", WORD)}
    return done(request, deal, carry_out(once, confirm_deal.withdraw_dispute, actor=actor, trade_id=_deal(deal), **given))


@page("blotter")
@require_POST
def take_dispute(request: HttpRequest, actor: Actor, deal: str) -> HttpResponse:
    require_may(actor.roles, confirm_deal.KIND)
    once = FormOnce(request, actor, operation="dispute", tell=lambda _: "The dispute is yours")
    return done(request, deal, carry_out(once, confirm_deal.take_dispute, actor=actor, trade_id=_deal(deal)))


@page("blotter")
@require_POST
def reject_dispute(request: HttpRequest, actor: Actor, deal: str) -> HttpResponse:
    require_may(actor.roles, confirm_deal.KIND)
    once = FormOnce(request, actor, operation="dispute", tell=_asked)
    reason = read_words(request, "reason", NOTE)
    return done(request, deal, carry_out(once, confirm_deal.ask_rejection, actor=actor, trade_id=_deal(deal), reason=reason))


@page("blotter")
@require_safe
def confirmation(request: HttpRequest, actor: Actor, deal: str) -> HttpResponse:
    """The PDF that the client has; `version` asks for an earlier one."""
    trade = trades.find_client_trade(_deal(deal))
    number = params.text(request, "version")
    version = trades.find_version(trade, int(number) if number.isascii() and number.isdigit() and len(number) < 5 else None)
    told = trades.describe_confirmation(trades.find_confirmation(trade, version.number), trade, version)
    out = HttpResponse(confirmation_pdf(told), content_type="application/pdf")
    out["Content-Disposition"] = f'inline; filename="confirmation-{ids.encode("trd", trade.id)}-{version.number}.pdf"'
    return out


def _asked(approval: Any) -> str:
    return f"Asked: {approval.title}. Another one of operations checks it" + (", and risk" if len(approval.slots) > 1 else "")


def done(request: HttpRequest, deal: str, told: str) -> HttpResponse:
    messages.success(request, told)
    return goto(request, "desk:deal", trade=deal)


def _deal(wire: str) -> UUID:
    return params.decode("trd", wire, "deal")


def _amount(request: HttpRequest, name: str) -> Decimal | None:
    text = params.posted(request, name)
    return read(text, name) if text else None


def _version(request: HttpRequest) -> int:
    text = params.posted(request, "version", 8)
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise Unreadable("version: load the page again", pointer="version")
    return int(text)


def read_words(request: HttpRequest, name: str, longest: int) -> str:
    text = params.posted(request, name, longest)
    if len(text) > longest:
        raise Unreadable(f"{name}: at most {longest} characters", pointer=name)
    return text
