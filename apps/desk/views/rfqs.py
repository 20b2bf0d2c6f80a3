"""Requests: what is open, least time left first, and what has ended; and what a person does to one of them."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.core import ids
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.desk.access import page
from apps.desk.once import FormOnce, carry_out
from apps.reports.queries.desk import blotter, deal, rfqs
from apps.workflows.withdraw_quote import withdraw_quote
from apps.workflows.work_rfq import hold_rfq, pick_up, reject_rfq, release_rfq, resume_rfq, take_over

from . import estimate, params
from .acts import acts_of, may_work
from .deal import show_story
from .shell import goto, show

PAGE = 50
MOST = 200  # open requests at once


@page("rfqs")
@require_safe
def rfq_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    tab = params.text(request, "tab", ("active", "historic")) or "active"
    chosen: dict[str, Any] = {"client": params.text(request, "client"), "pair": params.text(request, "pair")}
    status = params.text(request, "status", (*rfqs.OPEN, "waiting") if tab == "active" else rfqs.ENDED)
    on = params.day(request, "day")
    following = ""
    if tab == "active":
        found = rfqs.list_active(**chosen, status=status, limit=MOST + 1)
        context: dict[str, Any] = {"more": len(found) > MOST, "statuses": ("waiting", *rfqs.OPEN)}
        found = found[:MOST]
        context["open_rows"] = len(found)
        found += [] if status else rfqs.list_just_ended(**chosen)
    else:
        bounds = params.bounds(on) if on else None
        found = rfqs.list_historic(**chosen, status=status, day=bounds, before=params.place(request, "rfq"), limit=PAGE + 1)
        context = {"statuses": rfqs.ENDED}
        if len(found) > PAGE:
            found = found[:PAGE]
            following = params.keyset(found[-1].received_at, "rfq", found[-1].id)
    margins = estimate.margins_of([row for row in found if row.status in rfqs.WAITING]) if tab == "active" else {}
    context |= {
        "tab": tab,
        "rows": [(row, acts_of(row.status, row.owner_id, actor), margins.get(row.id, ())) for row in found],
        "chosen": {**chosen, "status": status, "day": on},
        "following": following,
        "may_work": may_work(actor),
    }
    if request.headers.get("HX-Target") != "live":
        context["clients"], context["pairs"] = blotter.clients_and_pairs()
    return show(request, actor, "desk/rfqs.html", screen="rfqs", **context)


@page("rfqs")
@require_safe
def rfq_page(request: HttpRequest, actor: Actor, rfq: str) -> HttpResponse:
    """A request's own story; once it is a deal, the deal's."""
    story = deal.get_story(rfq_id=params.decode("rfq", rfq, "request"))
    if story.head.trade_id is not None:
        return redirect("desk:deal", trade=ids.encode("trd", story.head.trade_id))
    return show_story(request, actor, story, screen="rfqs")


def _reason(request: HttpRequest) -> dict[str, Any]:
    return {"reason": params.posted(request, "reason")}


def _rejection(request: HttpRequest) -> dict[str, Any]:
    return {"code": params.posted(request, "code"), "note": params.posted(request, "note")}


def _quote(request: HttpRequest) -> dict[str, Any]:
    """The quote that was in sight: a newer one is not meant."""
    return {"quote_id": params.decode("quo", params.posted(request, "quote"), "quote")}


def _nothing(_request: HttpRequest) -> dict[str, Any]:
    return {}


# By the name in the address: what is done, what of the form it takes, how it is told, and where it leads.
ACTS: dict[str, tuple[Callable[..., Any], Callable[[HttpRequest], dict[str, Any]], str, str]] = {
    "pick-up": (pick_up, _nothing, "You have picked it up", "desk:ticket"),
    "take-over": (take_over, _reason, "It is yours now", "desk:ticket"),
    "hold": (hold_rfq, _nothing, "On hold; its time runs on", "desk:rfqs"),
    "resume": (resume_rfq, _nothing, "Off hold", "desk:ticket"),
    "release": (release_rfq, _nothing, "Back in the queue", "desk:rfqs"),
    "reject": (reject_rfq, _rejection, "Rejected", "desk:rfqs"),
    "withdraw": (withdraw_quote, _quote, "The quote is withdrawn", "desk:rfqs"),
}


@page("rfqs")
@require_POST
def act(request: HttpRequest, actor: Actor, rfq: str, act: str) -> HttpResponse:
    """One of ACTS on one request; who may, and whether it still can be done, is the workflow's to say."""
    if act not in ACTS:
        raise NotFound("no such act")
    do, read, told, onward = ACTS[act]
    rfq_id = params.decode("rfq", rfq, "request")
    asked = read(request)
    once = FormOnce(request, actor, operation="rfq", tell=lambda _: told)
    messages.success(request, carry_out(once, do, actor=actor, **(asked if "quote_id" in asked else {"rfq_id": rfq_id} | asked)))
    return goto(request, onward, **({"rfq": rfq} if onward == "desk:ticket" else {}))
