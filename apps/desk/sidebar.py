"""What the admin's sidebar shows: the desk's screens first, then the records, each only to whom it is for."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse

from .access import SCREENS, may_open

_GROUPS = (
    ("Dealing", "receipt_long", ("rfqs", "trades", "pricing")),
    ("Money", "account_balance", ("settlement", "ledger", "credit")),
    ("Clients", "groups", ("clients", "compliance")),
    ("House", "apartment", ("instruments", "approvals", "close", "reports", "notify", "events", "users", "auth")),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Groups as Unfold wants them."""
    roles = request.user.roles  # type: ignore[union-attr]
    screens = [{"title": s.title, "icon": s.icon, "link": reverse(f"desk:{s.name}")} for s in SCREENS.values() if may_open(roles, s.name)]
    out: list[dict[str, Any]] = [{"title": "Desk", "items": screens}]
    apps = {app["app_label"]: app for app in admin.site.get_app_list(request)}
    for title, icon, labels in _GROUPS:
        items = [
            {"title": model["name"], "icon": icon, "link": model["admin_url"]}
            for label in labels
            if label in apps
            for model in apps[label]["models"]
            if model["admin_url"]
        ]
        if items:
            out.append({"title": title, "separator": True, "collapsible": True, "items": items})
    return out


def favicon(_request: HttpRequest) -> str:
    return static("desk/icon.svg")


def environment(_request: HttpRequest) -> list[str]:
    """The badge at the top: text and Unfold's colour."""
    return [settings.ENVIRONMENT.upper(), {"production": "danger", "sandbox": "warning"}.get(settings.ENVIRONMENT, "info")]
