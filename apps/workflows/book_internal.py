"""A deal between two books of one booking entity: made by a trader, checked by risk or operations. No client, no obligations."""

from datetime import datetime
from decimal import Decimal

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import queries as clients
from apps.core import ids, money
from apps.core.actor import Actor
from apps.core.unit import step, use_case
from apps.instruments import queries as instruments
from apps.instruments.models import Book, Pair
from apps.ledger import operations as ledger
from apps.trades import operations as trades
from apps.trades.errors import BadInternal
from apps.trades.models import Trade
from apps.trades.rules import Economics, internal_lines
from apps.users import rules as people
from apps.users.errors import RoleMissing

from .check_hedge import TOO_MUCH

KIND = "internal"


@use_case
def ask_internal(
    *,
    actor: Actor,
    book: str,
    to_book: str,
    instrument: str,
    side: str,
    quantity: Decimal,
    price: Decimal | None,
    mid: Decimal | None,
    reason: str,
    now: datetime,
) -> Approval:
    """Ask that `book` buys from, or sells to, `to_book`.

    :param price: quote per base; None for the mid
    :param mid: the composite mid as it is now, where there is a price
    :raises RoleMissing: not a trader
    :raises BadInternal: `pointer` names what is wrong
    """
    if actor.id is None or not people.may_make(actor.roles, KIND):
        raise RoleMissing("traders move risk between books")
    at = mid if price is None else price
    if at is None:
        raise BadInternal("there is no mid now: give a price", pointer="/price")
    if not reason.strip():
        raise BadInternal("say why", pointer="/reason")
    one, other, pair = _check(book, to_book, instrument, side, quantity, at)
    payload = {
        "book": one.code, "to_book": other.code, "instrument": pair.code, "side": side, "quantity": money.text(quantity),
        "price": money.text(at), "reason": reason.strip()[:200],
    }  # fmt: skip
    return approvals.request(
        kind=KIND,
        subject_type="internal_trade",
        subject_id=ids.uuid7(),
        subject_version="new",
        title=f"Internal: {one.code} {side}s {money.text(quantity)} {pair.code} at {money.text(at)}, other side {other.code}",
        payload=payload | ({} if mid is None else {"reference_mid": money.text(mid)}),
        maker=actor,
        checker_roles=people.ACTS[KIND][1],
        now=now,
    )


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> Trade:
    """What an approved request of kind "internal" does: the trade, and POSITION from book to book."""
    asked = approval.payload
    quantity, price, mid = Decimal(asked["quantity"]), Decimal(asked["price"]), asked.get("reference_mid")
    one, other, pair = _check(asked["book"], asked["to_book"], asked["instrument"], asked["side"], quantity, price)
    today = one.entity.business_date(now)
    trade, made = trades.book_internal(
        trade_id=approval.subject_id,
        house_id=clients.get_house(one.entity_id).id,
        book=one,
        to_book=other,
        pair=pair,
        side=asked["side"],
        quantity=quantity,
        price=price,
        reference_mid=None if mid is None else Decimal(mid),
        trade_date=today,
        made_by=approval.maker_id,
        now=now,
    )
    ledger.post(
        key=f"trade:{trade.id}:1",
        kind="INTERNAL",
        source_type="trade",
        source_id=trade.id,
        lines=internal_lines(
            Economics(made.side, pair.base_id, pair.quote_id, made.pays, made.receives, money.ZERO),
            entity_id=one.entity_id,
            book_id=one.id,
            to_book_id=other.id,
        ),
        effective_at=now,
        business_date=today,
        narrative=f"{one.code} {made.side}s {pair.code}, other side {other.code}",
    )
    return trade


def version(approval: Approval) -> str:
    """Whether the trade of a request is still to be booked: it is booked by its own approval alone."""
    return "new"


def _check(book: str, to_book: str, instrument: str, side: str, quantity: Decimal, price: Decimal) -> tuple[Book, Book, Pair]:
    one, other = (_book(code, name) for code, name in ((book, "book"), (to_book, "to_book")))
    if one.id == other.id:
        raise BadInternal("two different books", pointer="/to_book")
    if one.entity_id != other.entity_id:
        raise BadInternal("both books belong to one booking entity", pointer="/to_book")
    pair = next((p for p in instruments.list_pairs() if p.code == instrument), None)
    if pair is None:
        raise BadInternal(f"{instrument} is not one of ours", pointer="/instrument")
    if side not in {"buy", "sell"}:
        raise BadInternal("buy or sell", pointer="/side")
    if not quantity.is_finite() or quantity <= 0 or money.scale_of(quantity) > pair.base.scale:
        raise BadInternal(f"above zero, in the decimals of {pair.base_id}", pointer="/quantity")
    if not price.is_finite() or price <= 0 or money.scale_of(price) > money.MAX_SCALE:
        raise BadInternal("above zero", pointer="/price")
    if not money.quantum(pair.quote.scale) <= quantity * price < TOO_MUCH:
        raise BadInternal("worth less than one unit, or more than can be booked", pointer="/quantity")
    return one, other, pair


def _book(code: str, name: str) -> Book:
    found = instruments.find_book(code)
    if found is None:
        raise BadInternal(f"no book {code}", pointer=f"/{name}")
    return found
