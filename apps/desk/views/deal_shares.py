"""A block shared out to other accounts of its client, and a share taken back: for the client, whose word is kept."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from apps.clients import queries as clients
from apps.core import ids
from apps.core.actor import Actor
from apps.desk.access import page
from apps.desk.amounts import Unreadable, read
from apps.desk.once import FormOnce, carry_out
from apps.trades import queries as trades
from apps.users.rules import require_may
from apps.workflows.allocate_deal import allocate_trade, reverse_allocation
from apps.workflows.sharing import Share

from . import params
from .deal_acts import WORD, done, read_words

FIELD = "share-"  # and the account's id


@page("blotter")
@require_POST
def allocate(request: HttpRequest, actor: Actor, deal: str) -> HttpResponse:
    """Each account's field holds a base quantity, or a percentage of the whole block; an empty one takes nothing."""
    require_may(actor.roles, "affirm")
    trade = trades.find_client_trade(params.decode("trd", deal, "deal"))
    typed = {one.id: params.posted(request, FIELD + ids.encode("acc", one.id), 60) for one in clients.list_accounts(trade.counterparty_id)}
    shares = [_share(account_id, text) for account_id, text in typed.items() if text]
    if not shares:
        raise Unreadable("shares: name what at least one account takes", pointer="shares")
    once = FormOnce(request, actor, operation="allocate", tell=_told)
    told = carry_out(once, allocate_trade, actor=actor, trade_id=trade.id, shares=shares, evidence=read_words(request, "evidence", WORD))
    return done(request, deal, told)


@page("blotter")
@require_POST
def reverse(request: HttpRequest, actor: Actor, deal: str, allocation: str) -> HttpResponse:
    require_may(actor.roles, "affirm")
    once = FormOnce(request, actor, operation="allocation.reverse", tell=lambda _: "The share is the block's again")
    given = {"trade_id": params.decode("trd", deal, "deal"), "allocation_id": params.decode("alc", allocation, "share")}
    return done(request, deal, carry_out(once, reverse_allocation, actor=actor, **given, evidence=read_words(request, "evidence", WORD)))


def _share(account_id: UUID, text: str) -> Share:
    if text.endswith("%"):
        percent = read(text[:-1], "shares")
        if percent > Decimal(100):
            raise Unreadable("shares: at most 100 %", pointer="shares")
        return Share(account_id, percent=percent)
    return Share(account_id, quantity=read(text, "shares"))


def _told(made: list[Any]) -> str:
    taken = sum(one.status == "ACCEPTED" for one in made)
    refused = ", ".join(f"{one.account.code}: {one.detail or one.refusal}" for one in made if one.status == "REJECTED")
    return f"{taken} of {len(made)} shares taken" + (f"; refused {refused}" if refused else "")
