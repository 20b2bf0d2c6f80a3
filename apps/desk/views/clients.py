"""Our clients: their accounts, who acts for them, and what is asked for them; asked here, granted on the approvals page."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.approvals import queries as approvals
from apps.clients import queries
from apps.clients.rules import MEMBER_ROLES
from apps.core import clock
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.desk import amounts
from apps.desk.access import SEES_COMPLIANCE, page
from apps.desk.once import FormOnce, carry_out
from apps.instruments import queries as instruments
from apps.reports.queries.desk import clients
from apps.users.rules import may_make, require_may
from apps.workflows import change_terms, client_terms, manage_members, open_account, screen_names, take_on_client
from apps.workflows.client_terms import ClientTerms
from apps.workflows.manage_members import Grant
from apps.workflows.take_on_client import NewClient, Person

from . import params, shell
from .shell import show

KINDS = (
    manage_members.NEW,
    manage_members.CHANGE,
    take_on_client.KIND,
    take_on_client.CLEARED,
    change_terms.KIND,
    open_account.KIND,
    screen_names.KIND,
)
MEMBERS = range(1, 4)  # on one form
MODES = {
    "CREDIT": "credit: we deliver first, against a line",
    "CLIENT_FIRST": "the client pays first",
    "PREFUNDED": "prefunded: out of a balance with us",
}
FEES = {"INCLUDED": "included in the price", "ADDED": "added to the amount", "INVOICED": "invoiced at the month's end"}


@page("clients")
@require_safe
def client_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    asked = approvals.visible_to(actor).filter(kind__in=KINDS, status="REQUESTED").order_by("requested_at", "id")
    context: dict[str, Any] = {
        **form_choices(),
        "numbers": MEMBERS,
        "known_roles": MEMBER_ROLES,
        "may_ask": may_make(actor.roles, take_on_client.ACT),
    }
    return show(request, actor, "desk/clients.html", screen="clients", rows=clients.list_clients(), asked=asked, **context)


@page("clients")
@require_safe
def client_page(request: HttpRequest, actor: Actor, client: str) -> HttpResponse:
    found = clients.list_clients(client)
    if not found:
        raise NotFound("no such client")
    (row,) = found
    accounts, wall = clients.list_accounts(row.id), clock.wall_now()
    members = list(queries.members_visible_to(actor).filter(counterparty_id=row.id))
    held = {
        member_id: {one.account_id: one for one in rows}
        for member_id, rows in queries.list_authorities_of([m.id for m in members], actor=actor).items()
    }
    party = queries.get_counterparty(row.id)
    context: dict[str, Any] = {
        "row": row,
        **_another_account(actor, party),
        "accounts": accounts,
        "nobody": [(account, None) for account in accounts],
        "members": [
            (
                member,
                [(account, held.get(member.id, {}).get(account.id)) for account in accounts],
                _gone(member, wall),
            )
            for member in members
        ],
        "asked": approvals.visible_to(actor)
        .filter(kind__in=KINDS, payload__client=client, status="REQUESTED")
        .order_by("requested_at", "id"),
        "known_roles": MEMBER_ROLES,
        "may_ask": may_make(actor.roles, manage_members.ACT),
        "may_clear": may_make(actor.roles, take_on_client.CLEAR) and take_on_client.waits(party),
        "sees_lists": bool(actor.roles & SEES_COMPLIANCE),
        "may_clear_member": may_make(actor.roles, screen_names.ACT),
    }
    return show(request, actor, "desk/client.html", screen="clients", title=row.name, **context)


@page("clients")
@require_POST
def ask(request: HttpRequest, actor: Actor) -> HttpResponse:
    require_may(actor.roles, take_on_client.ACT)
    once = FormOnce(request, actor, operation="client", tell=shell.tell_asked)
    entity, _, book = params.posted(request, "book").partition(" ")
    client = NewClient(
        code=params.posted(request, "code"),
        name=params.posted(request, "name"),
        lei=params.posted(request, "lei").upper(),
        country=params.posted(request, "country").upper(),
        email=params.posted(request, "email"),
        terms=ClientTerms(
            entity=entity,
            book=book,
            mode=params.posted(request, "mode"),
            tier=params.posted(request, "tier"),
            pairs=request.POST.getlist("pairs"),
            auto_max_usd=amounts.read_signed(params.posted(request, "auto_max_usd"), "auto_max_usd"),
            markup_bps=params.posted_number(request, "markup_bps"),
            fee_bps=params.posted_number(request, "fee_bps"),
            netting=params.posted(request, "netting", 80),
        ),
        members=[one for n in MEMBERS if (one := _person(request, n)) is not None],
    )
    messages.success(request, carry_out(once, take_on_client.ask_client, actor=actor, client=client))
    return redirect("desk:clients")


@page("clients")
@require_POST
def clear(request: HttpRequest, actor: Actor, client: str) -> HttpResponse:
    ask_clearance(request, actor, client)
    return redirect("desk:client", client=client)


@page("clients")
@require_POST
def clear_member(request: HttpRequest, actor: Actor, client: str, member: str) -> HttpResponse:
    require_may(actor.roles, screen_names.ACT)
    member_id = _member_of(actor, client, member)
    once = FormOnce(request, actor, operation="member_clear", tell=shell.tell_asked)
    evidence = params.posted(request, "evidence", 300)
    messages.success(request, carry_out(once, screen_names.ask_member_clearance, actor=actor, member_id=member_id, evidence=evidence))
    return redirect("desk:client", client=client)


@page("clients")
@require_POST
def add_member(request: HttpRequest, actor: Actor, client: str) -> HttpResponse:
    require_may(actor.roles, manage_members.ACT)
    once = FormOnce(request, actor, operation="member", tell=shell.tell_asked)
    told = carry_out(
        once,
        manage_members.ask_member,
        actor=actor,
        client=client,
        name=params.posted(request, "name", 120),
        email=params.posted(request, "email", 200),
        grants=_grants(request, client),
        reason=params.posted(request, "reason", 200),
    )
    messages.success(request, told)
    return redirect("desk:client", client=client)


@page("clients")
@require_POST
def set_authority(request: HttpRequest, actor: Actor, client: str, member: str) -> HttpResponse:
    require_may(actor.roles, manage_members.ACT)
    member_id = _member_of(actor, client, member)
    once = FormOnce(request, actor, operation="authority", tell=shell.tell_asked)
    grants, reason = _grants(request, client), params.posted(request, "reason", 200)
    told = carry_out(once, manage_members.ask_authority, actor=actor, member_id=member_id, grants=grants, reason=reason)
    messages.success(request, told)
    return redirect("desk:client", client=client)


def _member_of(actor: Actor, client: str, member: str) -> UUID:
    member_id = params.decode("mem", member, "member")
    if not queries.members_visible_to(actor).filter(id=member_id, counterparty__code=client).exists():
        raise NotFound("no such member of this client")
    return member_id


def _gone(member: Any, now: datetime) -> str:
    """Why a member acts no more; empty while it does. What the lists say is compliance's: for others it just does not act."""
    if member.closed_at is not None or (member.valid_until is not None and member.valid_until <= now):
        return "CLOSED"
    return "SUSPENDED" if member.stopped_at is not None else ""


def _another_account(actor: Actor, client: Any) -> dict[str, Any]:
    """What the form of another account begins with: the terms of the default one, and who acts on it."""
    terms = queries.find_terms_of(client.id)
    if terms is None or client.status != "APPROVED" or not may_make(actor.roles, take_on_client.ACT):
        return {"may_open": False}
    return {"may_open": True, "terms": client_terms.read(terms), "able": list(open_account.list_able(client)), **form_choices()}


def ask_clearance(request: HttpRequest, actor: Actor, party: str) -> None:
    """The form on the page of a client, LP or venue whose name a list knows."""
    require_may(actor.roles, take_on_client.CLEAR)
    once = FormOnce(request, actor, operation="client_clear", tell=shell.tell_asked)
    evidence = params.posted(request, "evidence", 300)
    messages.success(request, carry_out(once, take_on_client.ask_clearance, actor=actor, client=party, evidence=evidence))


def form_choices() -> dict[str, Any]:
    """What the form of an account's terms lets choose."""
    return {
        "books": shell.list_books(),
        "modes": list(MODES.items()),
        "fees": list(FEES.items()),
        "pairs": [pair.code for pair in instruments.list_pairs()],
    }


def _person(request: HttpRequest, n: int) -> Person | None:
    """One row of the form; None where nothing is in it."""
    name, email, limit = (params.posted(request, f"{field}_{n}", 200) for field in ("name", "email", "limit"))
    roles = request.POST.getlist(f"roles_{n}")
    if not (name or email or limit or roles):
        return None
    return Person(name, email, roles, amounts.read(limit, f"limit_{n}") if limit else None)


def _grants(request: HttpRequest, client: str) -> list[Grant]:
    """What the form says of each account that it shows: an account opened meanwhile, or not on the form, is left as it is."""
    out = []
    for account in queries.list_accounts(queries.get_client(client).id):
        if account.code in request.POST.getlist("account"):
            limit = params.posted(request, f"limit_{account.code}", 40)
            roles = request.POST.getlist(f"roles_{account.code}")
            out.append(Grant(account.code, roles, amounts.read(limit, f"limit_{account.code}") if limit else None))
    return out
