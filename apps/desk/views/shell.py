"""What every page has around it: who is in, where they may go, which environment, where the live process is."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django_htmx.http import HttpResponseClientRedirect

from apps.approvals import queries as approvals
from apps.core import clock
from apps.core.actor import Actor
from apps.desk.access import SCREENS, may_open
from apps.desk.once import new_key
from apps.desk.policy import live_origin
from apps.instruments import queries as instruments
from apps.reports.rendering import csvfile


def show(request: HttpRequest, actor: Actor, template: str, *, screen: str, title: str = "", **context: Any) -> HttpResponse:
    """The page, or its live part alone (`template` with a leading underscore) when htmx asks for that part."""
    if request.headers.get("HX-Request") == "true" and request.headers.get("HX-Target") == "live":
        folder, _, name = template.rpartition("/")
        return render(request, f"{folder}/_{name}", context | {"actor": actor, "once": new_key()})
    shell = {
        "actor": actor,
        "screen": screen,
        "title": title or SCREENS[screen].title,
        "screens": [s for s in SCREENS.values() if may_open(actor.roles, s.name)],
        "environment": settings.ENVIRONMENT,
        "live_url": f"{live_origin(request)}/ws/desk/",
        "desk_now": context.pop("now", None) or clock.desk_now(),
        "once": new_key(),
    }
    return render(request, template, shell | context)


def csv_file(name: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> HttpResponse:
    """A file to keep."""
    answer = HttpResponse(b"".join(csvfile.encode(header, rows)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def list_books() -> list[tuple[Any, Any]]:
    """What a form lets choose: every book of ours, with its entity."""
    return [(entity, book) for entity in instruments.list_entities() for book in instruments.list_books(entity.id)]


def tell_asked(approval: Any) -> str:
    """What who has asked is told: who is to sign."""
    return f"{approval.title}: asked. {' and '.join(approvals.describe_missing(approval))} sign it"


def goto(request: HttpRequest, name: str, **kw: str) -> HttpResponse:
    """To another page, also for a form that htmx sent."""
    address = resolve_url(name, **kw)
    return HttpResponseClientRedirect(address) if request.headers.get("HX-Request") == "true" else HttpResponseRedirect(address)
