"""Our clients: their accounts, who acts for them, and what is asked for them; asked here, granted on the approvals page."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

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
from apps.desk.access import page
from apps.desk.once import FormOnce, carry_out
from apps.instruments import queries as instruments
from apps.reports.queries.desk import clients
from apps.users.rules import may_make, require_may
from apps.workflows import manage_members, take_on_client
from apps.workflows.manage_members import Grant
from apps.workflows.take_on_client import NewClient, Person

from . import params
from .shell import show

KINDS = (manage_members.NEW, manage_members.CHANGE, take_on_client.KIND, take_on_client.CLEARED)
MEMBERS = range(1, 4)  # on one form
MODES = {
    "CREDIT": "credit: we deliver first, against a line",
    "CLIENT_FIRST": "the client pays first",
    "PREFUNDED": "prefunded: out of a balance with us",
}


@page("clients")
@require_safe
def client_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    asked = approvals.visible_to(actor).filter(kind__in=KINDS, status="REQUESTED").order_by("requested_at")
    context: dict[str, Any] = {
        "books": [(entity, book) for entity in instruments.list_entities() for book in instruments.list_books(entity.id)],
        "modes": list(MODES.items()),
        "pairs": [pair.code for pair in instruments.list_pairs()],
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
    context: dict[str, Any] = {
        "row": row,
        "accounts": accounts,
        "nobody": [(account, None) for account in accounts],
        "members": [
            (
                member,
                [(account, held.get(member.id, {}).get(account.id)) for account in accounts],
                member.closed_at is not None or (member.valid_until is not None and member.valid_until <= wall),
            )
            for member in members
        ],
        "asked": approvals.visible_to(actor).filter(kind__in=KINDS, payload__client=client, status="REQUESTED").order_by("requested_at"),
        "known_roles": MEMBER_ROLES,
        "may_ask": may_make(actor.roles, manage_members.ACT),
        "may_clear": row.status == "ONBOARDING" and may_make(actor.roles, take_on_client.CLEAR),
    }
    return show(request, actor, "desk/client.html", screen="clients", title=row.name, **context)


@page("clients")
@require_POST
def ask(request: HttpRequest, actor: Actor) -> HttpResponse:
    require_may(actor.roles, take_on_client.ACT)
    once = FormOnce(request, actor, operation="client", tell=_asked)
    entity, _, book = params.posted(request, "book").partition(" ")
    client = NewClient(
        code=params.posted(request, "code"),
        name=params.posted(request, "name"),
        lei=params.posted(request, "lei").upper(),
        country=params.posted(request, "country").upper(),
        email=params.posted(request, "email"),
        entity=entity,
        book=book,
        mode=params.posted(request, "mode"),
        tier=params.posted(request, "tier"),
        pairs=request.POST.getlist("pairs"),
        auto_max_usd=amounts.read_signed(params.posted(request, "auto_max_usd"), "auto_max_usd"),
        markup_bps=_bps(request, "markup_bps"),
        fee_bps=_bps(request, "fee_bps"),
        netting=params.posted(request, "netting", 80),
        members=[one for n in MEMBERS if (one := _person(request, n)) is not None],
    )
    messages.success(request, carry_out(once, take_on_client.ask_client, actor=actor, client=client))
    return redirect("desk:clients")


@page("clients")
@require_POST
def clear(request: HttpRequest, actor: Actor, client: str) -> HttpResponse:
    require_may(actor.roles, take_on_client.CLEAR)
    once = FormOnce(request, actor, operation="client_clear", tell=_asked)
    evidence = params.posted(request, "evidence", 300)
    messages.success(request, carry_out(once, take_on_client.ask_clearance, actor=actor, client=client, evidence=evidence))
    return redirect("desk:client", client=client)


@page("clients")
@require_POST
def add_member(request: HttpRequest, actor: Actor, client: str) -> HttpResponse:
    require_may(actor.roles, manage_members.ACT)
    once = FormOnce(request, actor, operation="member", tell=_asked)
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
    member_id = params.decode("mem", member, "member")
    if not queries.members_visible_to(actor).filter(id=member_id, counterparty__code=client).exists():
        raise NotFound("no such member of this client")
    once = FormOnce(request, actor, operation="authority", tell=_asked)
    grants, reason = _grants(request, client), params.posted(request, "reason", 200)
    told = carry_out(once, manage_members.ask_authority, actor=actor, member_id=member_id, grants=grants, reason=reason)
    messages.success(request, told)
    return redirect("desk:client", client=client)


def _bps(request: HttpRequest, field: str) -> Decimal:
    typed = params.posted(request, field)
    return amounts.read_signed(typed, field) if typed else Decimal(0)


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


def _asked(approval: Any) -> str:
    missing: Sequence[str] = approvals.describe_missing(approval)
    return f"{approval.title}: asked. {' and '.join(missing)} sign it"
