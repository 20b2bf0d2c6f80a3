"""Whom we hedge with: who is taken on and on what terms; asked for here, signed by compliance, risk and operations."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.approvals import queries as approvals
from apps.clients import queries as clients
from apps.clients.operations import Place
from apps.core import clock
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.desk import amounts
from apps.desk.access import page
from apps.desk.amounts import Unreadable
from apps.desk.once import FormOnce, carry_out
from apps.instruments import queries as instruments
from apps.reports.queries.desk import counterparties
from apps.reports.queries.desk import ssis as places
from apps.users.rules import may_make, require_may
from apps.workflows import change_lp_terms, onboard_lp, take_on_client
from apps.workflows.change_lp_terms import LpTerms
from apps.workflows.onboard_lp import Newcomer

from . import params, shell
from .clients import ask_clearance
from .shell import show

PLACES = range(1, 4)  # on one form
MODES = {
    "PREFUNDED": "we hold assets there: hedges post at once",
    "CLIENT_FIRST": "over the counter, it pays first",
    "CREDIT": "over the counter, each side by itself",
}
SEES_PLACES = frozenset({"operations", "compliance", "finance", "risk", "auditor", "admin"})


@page("counterparties")
@require_safe
def counterparty_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    now = clock.desk_now()
    context: dict[str, Any] = {
        "rows": counterparties.list_counterparties(now),
        "asked": approvals.visible_to(actor).filter(kind=onboard_lp.KIND, status="REQUESTED").order_by("requested_at", "id"),
        "may_ask": may_make(actor.roles, onboard_lp.ACT),
        "numbers": PLACES,
    }
    return show(request, actor, "desk/counterparties.html", screen="counterparties", now=now, **context, **_choices())


@page("counterparties")
@require_safe
def counterparty_page(request: HttpRequest, actor: Actor, code: str) -> HttpResponse:
    now = clock.desk_now()
    found = counterparties.list_counterparties(now, code)
    if not found:
        raise NotFound("no such counterparty")
    (row,) = found
    trades = bool(set(change_lp_terms.ROLES) & set(row.roles))
    context: dict[str, Any] = {
        "row": row,
        "versions": counterparties.list_terms(row.id),
        "places": places.list_ssis(client=code) if actor.roles & SEES_PLACES else None,
        "asked": approvals.visible_to(actor).filter(subject_id=row.id, status="REQUESTED").order_by("requested_at", "id"),
        "may_clear": may_make(actor.roles, take_on_client.CLEAR) and take_on_client.waits(clients.get_counterparty(row.id)),
        "may_change": trades and may_make(actor.roles, change_lp_terms.ACT),
        "may_place": row.terms is not None and trades and may_make(actor.roles, onboard_lp.PLACE),
    }
    return show(request, actor, "desk/counterparty.html", screen="counterparties", title=row.name, now=now, **context, **_choices())


@page("counterparties")
@require_POST
def ask(request: HttpRequest, actor: Actor) -> HttpResponse:
    require_may(actor.roles, onboard_lp.ACT)
    once = FormOnce(request, actor, operation="lp", tell=shell.tell_asked)
    limit = params.posted(request, "limit")
    newcomer = Newcomer(
        code=params.posted(request, "code"),
        name=params.posted(request, "name"),
        country=params.posted(request, "country").upper(),
        role=params.posted(request, "role"),
        lei=params.posted(request, "lei").upper(),
        email=params.posted(request, "email"),
        terms=_terms(request),
        limit=amounts.read(limit, "limit") if limit else None,
        limit_until=params.needed_day(request, "limit_until") if params.posted(request, "limit_until") else None,
        places=[place for n in PLACES if (place := _place(request, f"_{n}")) is not None],
    )
    messages.success(request, carry_out(once, onboard_lp.ask_onboarding, actor=actor, newcomer=newcomer))
    return redirect("desk:counterparties")


@page("counterparties")
@require_POST
def set_terms(request: HttpRequest, actor: Actor, code: str) -> HttpResponse:
    require_may(actor.roles, change_lp_terms.ACT)
    once = FormOnce(request, actor, operation="lp_terms", tell=shell.tell_asked)
    reason = params.posted(request, "reason", 200)
    messages.success(request, carry_out(once, change_lp_terms.ask_terms, actor=actor, code=code, terms=_terms(request), reason=reason))
    return redirect("desk:counterparty", code=code)


@page("counterparties")
@require_POST
def clear(request: HttpRequest, actor: Actor, code: str) -> HttpResponse:
    ask_clearance(request, actor, code)
    return redirect("desk:counterparty", code=code)


@page("counterparties")
@require_POST
def name_place(request: HttpRequest, actor: Actor, code: str) -> HttpResponse:
    require_may(actor.roles, onboard_lp.PLACE)
    place = _place(request, "")
    if place is None:
        raise Unreadable("place: choose the rail", pointer="place")
    once = FormOnce(request, actor, operation="lp_place", tell=lambda ssi: f"{ssi.asset_code} at {ssi.address}: to be verified")
    messages.success(request, carry_out(once, onboard_lp.name_place, actor=actor, code=code, place=place))
    return redirect("desk:counterparty", code=code)


def _choices() -> dict[str, Any]:
    return {
        "books": shell.list_books(),
        "rails": [(rail.code, rail.asset_id) for rail in instruments.list_rails()],
        "modes": list(MODES.items()),
        "tenors": change_lp_terms.TENORS,
    }


def _terms(request: HttpRequest) -> LpTerms:
    entity, _, book = params.posted(request, "book").partition(" ")
    pays, agreement = params.posted(request, "pays"), params.posted(request, "netting", 80)
    if (pays == "net") != bool(agreement):
        raise Unreadable("netting: net goes with the agreement that says so, gross without one", pointer="netting")
    tenor = params.posted(request, "tenor")
    if tenor not in {"", *map(str, change_lp_terms.TENORS)}:
        raise Unreadable("tenor: one of the list", pointer="tenor")
    return LpTerms(
        entity=entity,
        book=book,
        mode=params.posted(request, "mode"),
        netting=agreement,
        cutoff=params.needed_time(request, "cutoff"),
        zone=params.posted(request, "zone"),
        tenor=int(tenor) if tenor else None,
        fee_bps=params.posted_number(request, "fee_bps"),
    )


def _place(request: HttpRequest, suffix: str) -> Place | None:
    """One row of the form: the rail with its asset, the address, the BIC; None where no address is typed."""
    address = params.posted(request, f"address{suffix}", 120)
    if not address:
        return None
    rail, _, asset = params.posted(request, f"place{suffix}").partition(" ")
    return Place(rail=rail, kind="", asset=asset, address=address, bic=params.posted(request, f"bic{suffix}", 11))
