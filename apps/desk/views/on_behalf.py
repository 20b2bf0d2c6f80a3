"""Deals agreed by voice or chat, booked for the client; what they breach is told after the booking."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from apps.clients import queries as clients
from apps.core import ids
from apps.core.actor import Actor
from apps.desk.access import page
from apps.desk.amounts import Unreadable, read, read_moment
from apps.desk.once import FormOnce, carry_out
from apps.instruments import queries as instruments
from apps.pricing.errors import PriceUnavailable
from apps.pricing.rules import Composite
from apps.pricing.rules.worth import usd_per
from apps.reports.queries.desk import on_behalf
from apps.rfqs.rules import FLAGS
from apps.rfqs.states import Channel, Side
from apps.workflows.book_on_behalf import book_on_behalf

from . import params
from .book import read_book
from .shell import goto, show

TENORS = ("T+0", "T+1", "T+2")


@page("on-behalf")
@require_http_methods(["GET", "HEAD", "POST"])
def on_behalf_page(request: HttpRequest, actor: Actor) -> HttpResponse:
    if request.method == "POST":
        return _book(request, actor)
    context: dict[str, Any] = {
        "accounts": on_behalf.list_accounts(),
        "pairs": instruments.list_pairs(),
        "recent": on_behalf.list_recent(),
        "tenors": TENORS,
    }
    return show(request, actor, "desk/on_behalf.html", screen="on-behalf", **context)


def _book(request: HttpRequest, actor: Actor) -> HttpResponse:
    account = clients.get_account_by_code(params.posted(request, "account", 60))
    pair = instruments.get_pair(params.posted(request, "pair", 30))
    amount = read(params.posted(request, "amount"), "amount")
    in_base = _one_of(request, "of", ("base", "quote")) == "base"
    agreed = {
        "side": Side(_one_of(request, "side", (Side.BUY, Side.SELL))),
        "quantity": amount if in_base else None,
        "quote_quantity": None if in_base else amount,
        "price": read(params.posted(request, "price"), "price"),
        "channel": Channel(_one_of(request, "channel", (Channel.VOICE, Channel.CHAT))),
        "agreed_at": read_moment(params.posted(request, "agreed_at"), "agreed at"),
        "agreed_by": params.posted(request, "agreed_by"),
        "evidence": params.posted(request, "evidence", 400),
        "tenor": _one_of(request, "tenor", ("", *TENORS)),
    }
    depth = _depth(pair.code)
    once = FormOnce(request, actor, operation="on_behalf", tell=_tell)
    worth = usd_per(pair.quote_id, depth)
    told = carry_out(once, book_on_behalf, actor=actor, account_id=account.id, pair=pair.code, depth=depth, usd_per_quote=worth, **agreed)
    sentence, _, trade = told.rpartition(" ")
    (messages.warning if "flagged" in sentence else messages.success)(request, sentence)
    return goto(request, "desk:deal", trade=trade)


def _tell(booked: Any) -> str:
    """The sentence, and at its end the deal to go to."""
    trade, version, agreement, approval = booked
    told = f"Booked: the client {version.side}s {version.quantity.normalize():f} at {version.price.normalize():f}"
    if agreement.flags:
        told += f"; flagged: {', '.join(FLAGS.get(f, f) for f in agreement.flags)}"
    if approval is not None:
        told += f". {' or '.join(sorted(approval.checker_roles)).capitalize()} will look at it"
    return f"{told}. {ids.encode('trd', trade.id)}"


def _depth(pair: str) -> Composite | None:
    """The book; none is no reason not to book what was agreed."""
    try:
        return read_book(pair)
    except PriceUnavailable:
        return None


def _one_of(request: HttpRequest, name: str, allowed: tuple[str, ...]) -> str:
    """
    :raises Unreadable: none of them
    """
    chosen = params.posted(request, name)
    if chosen not in allowed:
        raise Unreadable(f"{name}: choose one of {', '.join(one for one in allowed if one)}", pointer=name)
    return chosen
