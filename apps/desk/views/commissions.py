"""Commissions of introducers: rates asked by sales and granted by finance, what has accrued, payouts, the statement."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.clients import queries as clients
from apps.core import clock, ids, money
from apps.core.actor import Actor
from apps.desk import amounts
from apps.desk.access import page
from apps.desk.once import FormOnce, carry_out
from apps.settlement.queries import accruing
from apps.settlement.states import CommissionBasis
from apps.users.rules import may_make
from apps.workflows import adjust
from apps.workflows.commissions import ACT, Rate, ask_payout, ask_rate

from . import params
from .shell import csv_file, show

SHOWN = 100
HEADER = ("introducer", "account", "client", "deal", "version", "business_date", "asset", "earned_in_all", "accrued", "paid_by")


@page("commissions")
@require_safe
def commissions_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    now = clock.desk_now()
    may_ask, may_pay = may_make(actor.roles, ACT), may_make(actor.roles, adjust.ACT)
    context: dict[str, Any] = {
        "rates": accruing.list_rates(),
        "standing": accruing.list_standing(),
        "accruals": accruing.list_accruals(most=SHOWN),
        "may_ask": may_ask,
        "may_pay": may_pay,
        "today": now.date().isoformat(),
    }
    if may_ask:
        introducers = list(clients.list_introducers())
        context |= {
            "introducers": [one.code for one in introducers],
            "clients": [one.code for one in clients.list_clients()],
            "accounts": [a.code for one in introducers for a in clients.list_accounts(one.id)],
            "bases": list(CommissionBasis),
        }
    return show(request, actor, "desk/commissions.html", screen="commissions", now=now, **context)


@page("commissions")
@require_POST
def rate(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Ask finance for a rate of a client's deals, from the grant on."""
    wanted = Rate(
        introducer=params.posted(request, "introducer", 40),
        client=params.posted(request, "client", 40),
        account=params.posted(request, "account", 40),
        basis=params.posted(request, "basis", 20),
        rate=amounts.read_signed(params.posted(request, "rate", 20), "rate"),
        reason=params.posted(request, "reason", 200),
    )
    once = FormOnce(request, actor, operation="commission_rate", tell=lambda asked: f"Asked: {asked.title}. Finance grants it")
    messages.success(request, carry_out(once, ask_rate, actor=actor, wanted=wanted))
    return redirect("desk:commissions")


@page("commissions")
@require_POST
def payout(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Ask finance that what has accrued be owed."""
    once = FormOnce(request, actor, operation="commission_payout", tell=lambda made: f"Asked: {made[1].title}. Finance approves it")
    told = carry_out(
        once,
        ask_payout,
        actor=actor,
        account_code=params.posted(request, "account", 40),
        asset=params.posted(request, "asset", 12),
        value_date=params.needed_day(request, "value_date"),
        reason=params.posted(request, "reason", 200),
    )
    messages.success(request, told)
    return redirect("desk:commissions")


@page("commissions")
@require_safe
def statement_csv(request: HttpRequest, actor: Actor) -> HttpResponse:
    """What an introducer's account has earned, deal by deal; of all of them where none is named."""
    account = params.text(request, "account")
    rows = (
        [
            one.introducer.code,
            one.rate.account.code,
            one.rate.client.code,
            ids.encode("trd", one.trade_id),
            str(one.trade_version),
            one.business_date.isoformat(),
            one.asset_id,
            money.text(one.due),
            money.text(one.amount),
            "" if one.adjustment is None else f"{ids.encode('adj', one.adjustment.id)} {one.adjustment.status}",
        ]
        for one in reversed(accruing.list_accruals(account))
    )
    return csv_file("commissions.csv", HEADER, rows)
