"""API keys and members of our clients: our admin asks for a key, compliance approves it; one that has to end ends at once.

Only public halves come here. A client makes its pair itself (`flowdesk keys new`, or openssl) and tells us the public half.
"""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.approvals import queries as approvals
from apps.clients import queries as clients
from apps.clients.rules import MAX_KEY_DAYS, MAX_KEYS, NEEDS_ALLOW_LIST, SCOPES
from apps.core import clock, money
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.desk import amounts
from apps.desk.access import page
from apps.desk.amounts import Unreadable
from apps.desk.once import FormOnce, carry_out
from apps.instruments import queries as instruments
from apps.users.rules import may_make, require_may
from apps.workflows import ask_for_keys as stories
from apps.workflows.close_member import close_member
from apps.workflows.manage_keys import KIND

from . import params
from .parts import part_of_rows
from .shell import show

OWN_SCOPES = tuple(scope for scope in SCOPES if scope != "hedge")


@page("keys")
@require_safe
def key_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    code, now = params.text(request, "client"), clock.wall_now()
    rows = clients.keys_visible_to(actor).select_related("member__counterparty").order_by("-created_at", "-id")
    context: dict[str, Any] = {"clients": clients.list_clients(), "code": code, "client": None, "max_keys": MAX_KEYS}
    if code:
        client = clients.get_client(code)
        rows = rows.filter(member__counterparty_id=client.id)
        members = list(clients.members_visible_to(actor).filter(counterparty_id=client.id))
        authorities = clients.list_authorities_of([one.id for one in members], actor=actor)
        context |= {
            "client": client,
            "accounts": clients.list_accounts(client.id),
            "members": [(one, authorities.get(one.id, []), _is_gone(one, now)) for one in members],
            "live": clients.count_live_keys(client.id, now),
        }
    context["part"] = part = part_of_rows(request, "page", rows)
    context["rows"] = [(key, _status(key, now)) for key in part]
    waiting = approvals.visible_to(actor).filter(kind__in=[KIND, stories.NEW], status="REQUESTED")
    return show(request, actor, "desk/keys.html", screen="keys", waiting=waiting, **context, **_may(actor))


@page("keys")
@require_safe
def key_page(request: HttpRequest, actor: Actor, key: str) -> HttpResponse:
    found = clients.get_own_key(key, actor=actor)
    client = clients.get_counterparty(found.member.counterparty_id)
    context: dict[str, Any] = {"key": found, "client": client, "status": _status(found, clock.wall_now())}
    return show(request, actor, "desk/key.html", screen="keys", title=f"{client.code} · {found.key_id}", **context, **_may(actor))


@page("keys")
@require_POST
def ask(request: HttpRequest, actor: Actor) -> HttpResponse:
    require_may(actor.roles, KIND)
    client = clients.get_client(params.posted(request, "client"))
    member = params.decode("mem", params.posted(request, "member"), "member")
    if not clients.members_visible_to(actor).filter(id=member, counterparty_id=client.id).exists():
        raise NotFound("no such member of this client")
    accounts = [params.decode("acc", one, "account") for one in request.POST.getlist("account")]
    once = FormOnce(request, actor, operation="key.ask", tell=_told)
    told = carry_out(
        once,
        stories.ask_for_key,
        actor=actor,
        member_id=member,
        public_key=params.posted(request, "public_key"),
        account_ids=accounts,
        days=_days(request),
        **_what(request),
    )
    messages.success(request, told)
    return redirect(f"{redirect('desk:keys').url}?client={client.code}")


@page("keys")
@require_POST
def widen(request: HttpRequest, actor: Actor, key: str) -> HttpResponse:
    once = FormOnce(request, actor, operation="key.ask", tell=_told)
    messages.success(request, carry_out(once, stories.ask_to_widen, actor=actor, key_id=key, **_what(request)))
    return redirect("desk:key", key=key)


@page("keys")
@require_POST
def rotate(request: HttpRequest, actor: Actor, key: str) -> HttpResponse:
    once = FormOnce(request, actor, operation="key.ask", tell=_told)
    public = params.posted(request, "public_key")
    told = carry_out(once, stories.ask_to_rotate, actor=actor, key_id=key, public_key=public, days=_days(request))
    messages.success(request, told)
    return redirect("desk:key", key=key)


@page("keys")
@require_POST
def revoke(request: HttpRequest, actor: Actor, key: str) -> HttpResponse:
    once = FormOnce(request, actor, operation="key.revoke", tell=lambda ended: f"{ended.key_id} is revoked: its sockets close within 2 s")
    messages.success(request, carry_out(once, stories.end_key, actor=actor, key_id=key))
    return redirect("desk:key", key=key)


@page("keys")
@require_POST
def close(request: HttpRequest, actor: Actor, member: str) -> HttpResponse:
    once = FormOnce(request, actor, operation="member.close", tell=lambda gone: f"{gone.name} is closed, with keys, sockets and requests")
    messages.success(request, carry_out(once, close_member, actor=actor, member_id=params.decode("mem", member, "member")))
    client = params.posted(request, "client")
    return redirect(f"{redirect('desk:keys').url}?client={clients.get_client(client).code}" if client else "desk:keys")


def _may(actor: Actor) -> dict[str, Any]:
    return {
        "may_ask": may_make(actor.roles, "client_key"),
        "may_end": may_make(actor.roles, "access_end"),
        "scopes": OWN_SCOPES,
        "max_days": MAX_KEY_DAYS,
        "networked": sorted(NEEDS_ALLOW_LIST - {"hedge"}),
        "pairs": [pair.code for pair in instruments.list_pairs()],
    }


def _what(request: HttpRequest) -> dict[str, Any]:
    """Scopes, networks and caps as the form has them; networks stand in lines or between commas or blanks."""
    caps: dict[str, Any] = {}
    if pairs := request.POST.getlist("cap_pairs"):
        caps["pairs"] = pairs
    for name in ("deal_usd", "day_usd"):
        if typed := params.posted(request, f"cap_{name}"):
            caps[name] = money.text(amounts.read(typed, f"cap_{name}"))
    networks = params.posted(request, "cidrs", 2000).replace(",", " ").split()
    return {"scopes": request.POST.getlist("scope"), "cidrs": networks, "caps": caps}


def _days(request: HttpRequest) -> int:
    """:raises Unreadable: no whole number of days that a key may live"""
    typed = params.posted(request, "days") or str(MAX_KEY_DAYS)
    if not (typed.isascii() and typed.isdigit() and 1 <= len(typed) <= 4):
        raise Unreadable(f"days: a whole number from 1 to {MAX_KEY_DAYS}", pointer="days")
    return int(typed)


def _told(asked: Any) -> str:
    return f"{asked.title}: compliance approves it"


def _status(key: Any, now: datetime) -> str:
    return "REVOKED" if key.revoked_at is not None else "EXPIRED" if key.expires_at <= now else "ACTIVE"


def _is_gone(member: Any, now: datetime) -> bool:
    return member.closed_at is not None or (member.valid_until is not None and member.valid_until <= now)
