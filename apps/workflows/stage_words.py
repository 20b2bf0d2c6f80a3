"""A tester asks to be refused for what its request says: it is read as if it said something else (stage_cause)."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from apps.clients import queries as clients
from apps.core import ids
from apps.core.actor import SYSTEM, Actor
from apps.rfqs import queries as rfqs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement

from .sharing import Share
from .stage_asked import Asked, Cause, NotBefallen, account_of, deal_of

LEAST, DUST, MOST = Decimal("0.01"), Decimal("1e-18"), Decimal(10) ** 12


def says(**words: Any) -> Cause:
    """These members are others."""
    return lambda asked, now: words


def _other_price(asked: Asked, now: datetime) -> Asked:
    """A tick beside the quote's; a counter, which names a price of its own, the side that was not quoted."""
    if "client_order_id" in asked:
        return {"price": asked["price"] + LEAST}
    _, quote = deal_of(asked)
    return {"side": next(side for side in (Side.BUY, Side.SELL) if getattr(quote, f"{side}_price") is None)}


def _same_price(asked: Asked, now: datetime) -> Asked:
    _, quote = deal_of(asked)
    return {"price": getattr(quote, f"{asked['side']}_price")}


def _hard_limit(asked: Asked, now: datetime) -> Asked:
    return {"limit_price": LEAST if asked["side"] == Side.BUY else MOST}


def _too_many(asked: Asked, now: datetime) -> Asked:
    return _sized(asked, MOST)


def _too_fine(asked: Asked, now: datetime) -> Asked:
    return _sized(asked, 1 + DUST)


def _sized(asked: Asked, quantity: Decimal) -> Asked:
    if "ask" in asked:
        return {"ask": replace(asked["ask"], quantity=quantity, quote_quantity=None)}
    return {"quantity": quantity}


def _for_ever(asked: Asked, now: datetime) -> Asked:
    return {"ask": replace(asked["ask"], ttl_ms=10**9)}


def _of_nothing(asked: Asked, now: datetime) -> Asked:
    return {"ask": replace(asked["ask"], pair="NOT-KNOWN")} if "ask" in asked else {"pair": "NOT-KNOWN"}


def _more_than_all(asked: Asked, now: datetime) -> Asked:
    return {"shares": [Share(account_of(asked).id, percent=Decimal(101))]}


def _by_who_asked(asked: Asked, now: datetime) -> Asked:
    """The member who asked approves."""
    actor: Actor = asked["actor"]
    if "withdrawal_id" in asked:
        return {"actor": replace(actor, id=settlement.get_withdrawal(asked["withdrawal_id"], actor=actor).requested_by)}
    return {"actor": replace(actor, id=clients.get_ssi(asked["ssi_id"], actor=actor).proposed_by)}


def _by_no_admin(asked: Asked, now: datetime) -> Asked:
    actor: Actor = asked["actor"]
    return {"actor": replace(actor, roles=actor.roles - {"admin"})}


def _with_nobody(asked: Asked, now: datetime) -> Asked:
    return {"execution": replace(asked["execution"], counterparty="nobody")}


def _ahead_of_who_has_not_agreed(asked: Asked, now: datetime) -> Asked:
    rfq = rfqs.visible_to(SYSTEM).filter(terms__prehedge_consent="").first()
    if rfq is None:
        raise NotBefallen("no client asked who has not agreed")
    return {"execution": replace(asked["execution"], pre_hedge_of=rfq.id)}


def _by_a_client(asked: Asked, now: datetime) -> Asked:
    """The key is none of our own systems'."""
    actor: Actor = asked["actor"]
    return {"actor": replace(actor, scopes=actor.scopes - {"hedge"})}


CAUSES: dict[str, Cause] = {
    "price_mismatch": _other_price,
    "counter_not_better": _same_price,
    "price_not_met": _hard_limit,
    "quantity_out_of_range": _too_many,
    "too_many_decimals": _too_fine,
    "ttl_out_of_range": _for_ever,
    "unknown_instrument": _of_nothing,
    "bad_allocation": _more_than_all,
    "bad_amount": says(amount=DUST),
    "bad_ssi": says(address="nowhere"),
    "not_in_set": lambda asked, now: {"lines": {ids.uuid7(): "not ours"}},
    "second_member_needed": _by_who_asked,
    "not_your_key": _by_no_admin,
    "bad_public_key": says(public_key="AAAA"),
    "bad_scope": says(scopes=["everything"]),
    "bad_allow_list": says(cidrs=["nowhere"]),
    "bad_cap": says(caps={"pairs": []}),
    "bad_lifetime": says(days=10**6),
    "bad_hedge": _with_nobody,
    "no_prehedge_consent": _ahead_of_who_has_not_agreed,
    "not_the_house": _by_a_client,
    "url_not_allowed": says(url="https://127.0.0.1/"),
}
