"""Days that the desk knows better than the calendars: asked by operations, checked by another; and what they leave to people."""

from datetime import time
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.core import clock
from apps.core.actor import Actor
from apps.desk.access import page
from apps.desk.amounts import Unreadable
from apps.desk.once import FormOnce, carry_out
from apps.instruments import queries as instruments
from apps.settlement.queries.closed_days import list_stuck_on_closed
from apps.users import queries as users
from apps.users.rules import may_make
from apps.workflows import change_calendar

from . import params
from .shell import show

TO = {"closed": False, "open": True}


@page("calendar")
@require_safe
def calendar_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    changes = instruments.list_calendar_changes()
    names = users.names({one for change in changes for one in (change.made_by, change.checked_by)})
    context: dict[str, Any] = {
        "changes": [(change, names.get(change.made_by, "–"), names.get(change.checked_by, "–")) for change in changes],
        "version": instruments.get_calendars().version,
        "stuck": list_stuck_on_closed(change_calendar.list_closed(clock.desk_now())),
        "may_ask": may_make(actor.roles, change_calendar.KIND),
        "currencies": [one.code for one in instruments.list_assets() if one.calendar],
        "rails": instruments.list_rails(),
    }
    return show(request, actor, "desk/calendar.html", screen="calendar", **context)


@page("calendar")
@require_POST
def ask(request: HttpRequest, actor: Actor) -> HttpResponse:
    """`to` is closed, open, a time of day (a rail's cut-off), or empty: as usual again."""
    to = params.posted(request, "to", 10)
    once = FormOnce(request, actor, operation="calendar", tell=lambda asked: f"Asked: {asked.title}. Another one of operations approves it")
    told = carry_out(
        once,
        change_calendar.ask_calendar_change,
        actor=actor,
        what=params.posted(request, "what", 40),
        day=params.needed_day(request, "day"),
        is_good=TO.get(to),
        cutoff=_time(to) if to and to not in TO else None,
        reason=params.posted(request, "reason", 200),
    )
    messages.success(request, told)
    return redirect("desk:calendar")


def _time(text: str) -> time:
    try:
        at = time.fromisoformat(text)
    except ValueError:
        raise Unreadable("to: closed, open, or a time of day such as 14:00", pointer="to") from None
    if at.tzinfo is not None:
        raise Unreadable("to: a time of day in the rail's own zone", pointer="to")
    return at
