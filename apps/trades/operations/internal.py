"""Deals between two books of one booking entity: risk moves, nobody owes."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.core import db, ids, money
from apps.core.unit import step
from apps.events import operations as events
from apps.instruments.models import Book, Pair
from apps.trades.models import Trade, TradeVersion
from apps.trades.states import TradeKind


@step
def book_internal(
    *,
    trade_id: UUID,
    house_id: UUID,
    book: Book,
    to_book: Book,
    pair: Pair,
    side: str,
    quantity: Decimal,
    price: Decimal,
    reference_mid: Decimal | None,
    trade_date: date,
    made_by: UUID,
    now: datetime,
) -> tuple[Trade, TradeVersion]:
    """`side` is that of `book`; `to_book` is on the other. Quote amounts round half even: neither book is the client.

    :param house_id: our own entity as a counterparty
    """
    buys = side == "buy"
    amount = money.round_even(quantity * price, pair.quote.scale)
    trade = Trade(
        id=trade_id,
        kind=TradeKind.INTERNAL,
        counterparty_id=house_id,
        entity_id=book.entity_id,
        book=book,
        to_book=to_book,
        pair=pair,
        source="MANUAL",
        trade_date=trade_date,
        booked_at=now,
    )
    version = TradeVersion(
        id=ids.uuid7(),
        trade=trade,
        number=1,
        action="NEW",
        side=side,
        quantity=quantity,
        price=price,
        quote_quantity=amount,
        fee=money.ZERO,
        fee_asset=pair.quote_id,
        pays=amount if buys else quantity,
        pays_asset=pair.quote_id if buys else pair.base_id,
        receives=quantity if buys else amount,
        receives_asset=pair.base_id if buys else pair.quote_id,
        value_date=trade_date,
        reference_mid=reference_mid,
        trader_id=made_by,
        made_by=made_by,
        effective_at=now,
    )
    db.insert(trade, version)
    house = {"book": book.code, "to_book": to_book.code, "side": side, "quantity": money.text(quantity), "price": money.text(price)}
    events.record("internal.booked", subject_type="trade", subject_id=trade.id, house=house, at=now)
    return trade, version
