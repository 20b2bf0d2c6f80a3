"""A client's account: its terms in every version, and what is asked for it; another account; asked here, granted on the approvals page."""

from datetime import date
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.approvals import queries as approvals
from apps.clients import queries
from apps.core import clock
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.desk import amounts
from apps.desk.access import page
from apps.desk.amounts import Unreadable
from apps.desk.once import FormOnce, carry_out
from apps.users.rules import may_make, require_may
from apps.workflows import change_terms, client_terms, open_account, take_on_client
from apps.workflows.client_terms import ClientTerms
from apps.workflows.open_account import NewAccount

from . import params, shell
from .clients import form_choices
from .shell import show

KINDS = (change_terms.KIND, open_account.KIND)


@page("clients")
@require_safe
def account_page(request: HttpRequest, actor: Actor, client: str, account: str) -> HttpResponse:
    found = _find(client, account)
    versions, now = queries.list_terms_of_account(found.id), clock.desk_now()
    context: dict[str, Any] = {
        "account": found,
        "terms": next((client_terms.read(one) for one in versions if one.effective_from <= now), None),
        "to_come": next((one for one in versions if one.effective_from > now), None),
        "now": now,
        "history": client_terms.list_changes(versions),
        "asked": approvals.visible_to(actor).filter(subject_id=found.id, kind__in=KINDS, status="REQUESTED").order_by("requested_at", "id"),
        "may_change": bool(versions) and may_make(actor.roles, change_terms.ACT),
    }
    return show(request, actor, "desk/account.html", screen="clients", title=found.code, **context, **form_choices())


@page("clients")
@require_POST
def set_terms(request: HttpRequest, actor: Actor, client: str, account: str) -> HttpResponse:
    require_may(actor.roles, change_terms.ACT)
    found = _find(client, account)
    once = FormOnce(request, actor, operation="terms", tell=shell.tell_asked)
    reason = params.posted(request, "reason", 200)
    messages.success(
        request,
        carry_out(
            once,
            change_terms.ask_terms,
            actor=actor,
            account=found.code,
            terms=_terms(request),
            reason=reason,
            effective_from=amounts.read_moment(at, "effective_from") if (at := params.posted(request, "effective_from", 40)) else None,
        ),
    )
    return redirect("desk:account", client=client, account=account)


@page("clients")
@require_POST
def ask(request: HttpRequest, actor: Actor, client: str) -> HttpResponse:
    require_may(actor.roles, take_on_client.ACT)
    once = FormOnce(request, actor, operation="account", tell=shell.tell_asked)
    account = NewAccount(
        client=client,
        code=params.posted(request, "code"),
        name=params.posted(request, "name"),
        terms=_terms(request),
        members=request.POST.getlist("members"),
    )
    reason = params.posted(request, "reason", 200)
    messages.success(request, carry_out(once, open_account.ask_account, actor=actor, account=account, reason=reason))
    return redirect("desk:client", client=client)


def _find(client: str, account: str) -> Any:
    found = queries.get_account_by_code(account)
    if found.owner.code != client or "CLIENT" not in found.owner.roles:
        raise NotFound("no such account of this client")
    return found


def _terms(request: HttpRequest) -> ClientTerms:
    entity, _, book = params.posted(request, "book").partition(" ")
    return ClientTerms(
        entity=entity,
        book=book,
        mode=params.posted(request, "mode"),
        pairs=request.POST.getlist("pairs"),
        tier=params.posted(request, "tier"),
        markup_bps=params.posted_number(request, "markup_bps"),
        fee_bps=params.posted_number(request, "fee_bps"),
        fee_mode=params.posted(request, "fee_mode"),
        auto_max_usd=amounts.read_signed(params.posted(request, "auto_max_usd"), "auto_max_usd"),
        auto_credit_share=params.posted_number(request, "auto_credit_percent") / 100,
        min_life_ms=_count(request, "min_life_ms"),
        fair_use_from=_count(request, "fair_use_from"),
        fair_use_soft=_count(request, "fair_use_soft"),
        fair_use_hard=_count(request, "fair_use_hard") if params.posted(request, "fair_use_hard") else None,
        netting=params.posted(request, "netting", 80),
        cutoff=params.needed_time(request, "cutoff"),
        zone=params.posted(request, "zone"),
        silence_agrees=params.posted(request, "silence_agrees") == "yes",
        close_out=params.posted(request, "close_out", 80),
        close_out_date=_day(request, "close_out_date"),
        safeguarded=params.posted(request, "safeguarded") == "yes",
        prehedge_consent=params.posted(request, "prehedge_consent", 80),
    )


def _count(request: HttpRequest, field: str) -> int:
    found = amounts.read_signed(params.posted(request, field), field)
    if found != found.to_integral_value():
        raise Unreadable(f"{field.replace('_', ' ')}: a whole number", pointer=field)
    return int(found)


def _day(request: HttpRequest, field: str) -> date | None:
    return params.needed_day(request, field) if params.posted(request, field) else None
