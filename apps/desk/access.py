"""Which screen is for which role. The sidebar hides by this table and the views refuse by it; superusers have no way around it."""

import functools
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django_htmx.http import HttpResponseClientRedirect

from apps.core.actor import Actor, acting
from apps.users.errors import RoleMissing
from apps.users.rules import ACTS, ROLES, SEES_TRADING

ALL = frozenset(ROLES)
BACK_OFFICE = frozenset({"operations", "finance", "risk", "compliance", "auditor", "admin"})
# Who may read why compliance holds something: never sales or traders (domain.md).
SEES_COMPLIANCE = frozenset({"operations", "compliance", "auditor"})


@dataclass(frozen=True, slots=True)
class Screen:
    name: str  # of its URL, in the namespace desk
    title: str
    icon: str
    roles: frozenset[str]


SCREENS = {
    s.name: s
    for s in (
        Screen("home", "Home", "home", ALL),
        Screen("rfqs", "Requests", "request_quote", SEES_TRADING),
        Screen("on-behalf", "Trade on behalf", "support_agent", frozenset(ACTS["on_behalf"][0])),
        Screen("blotter", "Blotter", "receipt_long", SEES_TRADING | {"compliance"}),
        Screen("unfinished", "Unfinished", "rule", SEES_TRADING | {"compliance"}),
        Screen("prices", "Prices", "candlestick_chart", SEES_TRADING),
        Screen("pricing", "Pricing", "tune", SEES_TRADING),
        Screen("position", "Position", "donut_small", SEES_TRADING),
        Screen("statistics", "Statistics", "monitoring", SEES_TRADING),
        Screen("credit", "Credit", "credit_score", SEES_TRADING | {"compliance"}),
        Screen("coverage", "Coverage", "groups", SEES_TRADING),
        Screen("clients", "Clients", "apartment", ALL),
        Screen("counterparties", "LPs and venues", "lan", ALL),
        Screen("settlement", "Settlement", "account_balance", BACK_OFFICE),
        Screen("calendar", "Calendar", "calendar_month", BACK_OFFICE),
        Screen("adjustments", "Adjustments", "request_page", BACK_OFFICE | {"sales"}),
        Screen("commissions", "Commissions", "percent", BACK_OFFICE | {"sales"}),
        Screen("reconciliation", "Reconciliation", "balance", frozenset({"operations", "finance", "risk", "auditor"})),
        Screen("closing", "Close", "event_available", frozenset({"operations", "finance", "risk", "auditor"})),
        Screen("openings", "Opening balances", "start", frozenset({"operations", "finance", "risk", "auditor"})),
        Screen("ssis", "Settlement instructions", "account_balance_wallet", BACK_OFFICE),
        Screen("treasury", "Treasury", "savings", BACK_OFFICE),
        Screen("receipts", "Receipts", "call_received", SEES_COMPLIANCE | {"finance"}),
        Screen("alerts", "Alerts", "policy", frozenset({"compliance", "auditor"})),
        Screen("travel", "Travel rule", "badge", SEES_COMPLIANCE),
        Screen("approvals", "Approvals", "fact_check", ALL),
        Screen("halts", "Kill switches", "block", ALL),
        Screen("keys", "API keys", "vpn_key", frozenset({"admin", "compliance", "auditor"})),
        Screen("webhooks", "Webhooks", "webhook", frozenset({"operations", "risk", "admin", "auditor"})),
    )
}
View = Callable[..., HttpResponseBase]


def may_open(roles: frozenset[str], screen: str) -> bool:
    return bool(roles & SCREENS[screen].roles)


def page(screen: str) -> Callable[[View], View]:
    """A view of signed-in staff whose roles may open `screen`; it gets the actor, and what it does is recorded in their name.

    :raises RoleMissing: signed in, and not for them
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def run(request: HttpRequest, **kw: Any) -> HttpResponseBase:
            user: Any = request.user
            if not user.is_authenticated:
                to_login = redirect_to_login(request.get_full_path())
                return HttpResponseClientRedirect(to_login.url) if request.headers.get("HX-Request") else to_login
            actor: Actor = user.as_actor()
            if not user.is_staff or not may_open(actor.roles, screen):
                raise RoleMissing(f"{SCREENS[screen].title} is for {', '.join(sorted(SCREENS[screen].roles))}")
            with acting(actor, uuid.uuid4().hex):
                return view(request, actor, **kw)

        return run

    return decorate
