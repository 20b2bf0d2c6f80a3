"""Opening balances: finance ask, by a form or by a file; another of finance, or risk, grants."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.clients import queries as clients
from apps.close import queries as days
from apps.core import clock
from apps.core.actor import Actor
from apps.desk import amounts
from apps.desk.access import page
from apps.desk.amounts import Unreadable
from apps.desk.once import FormOnce, carry_out
from apps.instruments import queries as instruments
from apps.settlement import queries as settlement
from apps.users.rules import may_make, require_may
from apps.workflows.open_balances import ACT, COLUMNS, Wanted, ask_openings, read_file, today

from . import params
from .parts import part_of_rows
from .shell import show

LONGEST_FILE = 500_000  # bytes


@page("openings")
@require_safe
def openings_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    entity, may = instruments.list_entities()[0], may_make(actor.roles, ACT)
    context: dict[str, Any] = {"rows": part_of_rows(request, "page", days.list_openings(entity.id)), "may_ask": may}
    if may:
        nostros = settlement.list_nostros().filter(entity_id=entity.id)
        context |= {
            "nostros": [(f"{n.rail_id}/{n.address}", f"{n.name} · {n.address}") for n in nostros],
            "venues": [one.code for one in clients.list_liquidity()],
            "accounts": [(one.code, one.owner.name) for one in clients.visible_to(actor)],
            "assets": [one.code for one in instruments.list_assets()],
            "today": today(entity.id).isoformat(),
            "columns": ",".join(COLUMNS),
        }
    return show(request, actor, "desk/openings.html", screen="openings", now=clock.desk_now(), **context)


@page("openings")
@require_POST
def ask(request: HttpRequest, actor: Actor) -> HttpResponse:
    """One balance."""
    account, _, owner = params.posted(request, "account", 200).partition(" ")
    amount = amounts.read_signed(params.posted(request, "amount", 60), "amount")
    return _ask(request, actor, [Wanted(account, owner, params.posted(request, "asset", 12), amount)])


@page("openings")
@require_POST
def ask_by_file(request: HttpRequest, actor: Actor) -> HttpResponse:
    """A list of them; nothing of it is asked for where a line of it is wrong."""
    require_may(actor.roles, ACT)
    file = request.FILES.get("file")
    if file is None or isinstance(file, list):
        raise Unreadable("file: choose the list", pointer="file")
    raw = file.read(LONGEST_FILE + 1)
    if len(raw) > LONGEST_FILE:
        raise Unreadable(f"file: more than {LONGEST_FILE} bytes", pointer="file")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Unreadable("file: not text in UTF-8", pointer="file") from None
    return _ask(request, actor, read_file(text))


def _ask(request: HttpRequest, actor: Actor, wanted: list[Wanted]) -> HttpResponse:
    once = FormOnce(request, actor, operation="opening", tell=lambda asked: f"Asked: {asked.title}. Another of finance, or risk, grants it")
    told = carry_out(
        once,
        ask_openings,
        actor=actor,
        entity_id=instruments.list_entities()[0].id,
        on=params.needed_day(request, "date"),
        wanted=wanted,
        evidence=params.posted(request, "evidence", 200),
    )
    messages.success(request, told)
    return redirect("desk:openings")
