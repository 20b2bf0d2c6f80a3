"""The travel rule: transfers whose data are incomplete, unanswered or refused, the messages, and where wallets lie. Compliance's screen."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.compliance.queries import travel as kept
from apps.compliance.rules import ivms101
from apps.core import clock, money
from apps.core.actor import Actor
from apps.desk.access import page
from apps.desk.once import FormOnce, carry_out
from apps.settlement.queries import travelling
from apps.users.rules import may_make
from apps.workflows.travel_rule import ACT, HOST, request_travel_data, set_wallet_host

from . import params
from .parts import part_of_rows
from .shell import csv_file, show

COLUMNS = ("made_at", "direction", "reference", "account", "asset", "amount", "originator", "beneficiary", "vasp", "message", "problem")


@page("travel")
@require_safe
def travel_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    exceptions = part_of_rows(request, "exceptions", kept.list_exceptions())
    records = part_of_rows(request, "records", kept.list_records())
    context: dict[str, Any] = {
        "exceptions": travelling.describe(exceptions.rows),
        "more_exceptions": exceptions,
        "records": travelling.describe(records.rows),
        "more_records": records,
        "waiting": part_of_rows(request, "waiting", travelling.list_waiting()),
        "hosts": kept.list_hosts(),
        "may_enter": may_make(actor.roles, ACT),
        "may_host": may_make(actor.roles, HOST),
    }
    return show(request, actor, "desk/travel.html", screen="travel", now=clock.desk_now(), **context)


@page("travel")
@require_safe
def exceptions_csv(request: HttpRequest, actor: Actor) -> HttpResponse:
    """The report of exceptions as it stands, whole."""
    rows = [[_cell(getattr(one, name)) for name in COLUMNS] for one in travelling.describe(list(kept.list_exceptions()))]
    return csv_file("travel-rule-exceptions.csv", COLUMNS, rows)


@page("travel")
@require_POST
def set_host(request: HttpRequest, actor: Actor) -> HttpResponse:
    once = FormOnce(request, actor, operation=HOST, tell=_tell_host)
    told = carry_out(
        once,
        set_wallet_host,
        actor=actor,
        address=params.posted(request, "wallet", 130),
        vasp_name=params.posted(request, "vasp_name", 110),
        vasp_lei=params.posted(request, "vasp_lei", 30),
        evidence=params.posted(request, "evidence", 210),
    )
    messages.success(request, told)
    return redirect("desk:travel")


@page("travel")
@require_POST
def enter(request: HttpRequest, actor: Actor, receipt: str) -> HttpResponse:
    """Ask that what came by another way be the data of a transfer to us; another one of compliance approves it."""
    said = {name: params.posted(request, name, 120) for name in ("name", "given", "customer", "lei", "country", "born", "place")}
    if said["given"] or said["born"] or said["place"]:
        person = ivms101.natural_person(said["name"], said["given"], customer=said["customer"], born=said["born"], place=said["place"])
    else:
        person = ivms101.legal_person(said["name"], lei=said["lei"], customer=said["customer"], country=said["country"])
    once = FormOnce(request, actor, operation=ACT, tell=lambda asked: f"Asked: {asked.title}. Another one of compliance approves it")
    told = carry_out(
        once,
        request_travel_data,
        actor=actor,
        receipt_id=params.decode("rcp", receipt, "receipt"),
        originator=person,
        evidence=params.posted(request, "evidence", 200)[:200],
    )
    messages.success(request, told)
    return redirect("desk:travel")


def _tell_host(one: Any) -> str:
    if hasattr(one, "checker_roles"):
        return f"Asked: {one.title}. Another one of compliance approves it"
    return f"{one.address} lies with {one.vasp_name or 'its owner'}"


def _cell(value: object) -> str:
    return money.text(value) if isinstance(value, Decimal) else value.isoformat() if isinstance(value, datetime) else str(value)
