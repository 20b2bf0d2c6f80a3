"""Book a client's deal out of its accepted quote."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.core import db, ids
from apps.core.unit import step
from apps.events import operations as events
from apps.rfqs.models import Quote
from apps.rfqs.queries import Deal
from apps.trades.errors import AlreadyTraded, DuplicateOrder
from apps.trades.models import Trade, TradeVersion
from apps.trades.queries import describe
from apps.trades.states import TradeKind


@step
def book_client(
    *, trade_id: UUID, quote: Quote, deal: Deal, client_order_id: str | None, trade_date: date, settles_now: bool, now: datetime
) -> tuple[Trade, TradeVersion]:
    """The deal of an accepted quote, at exactly its price and amounts.

    :raises DuplicateOrder: the client used this id before
    :raises AlreadyTraded: the quote or its request has a trade
    """
    side = quote.accepted_side
    buys = side == "buy"
    trade = Trade(
        id=trade_id,
        kind=TradeKind.CLIENT,
        counterparty_id=deal.client_id,
        account_id=deal.account_id,
        terms_id=deal.terms_id,
        entity_id=deal.entity_id,
        book_id=deal.book_id,
        pair_id=deal.pair,
        rfq_id=deal.rfq_id,
        quote_id=quote.id,
        client_order_id=client_order_id,
        source="QUOTE",
        trade_date=trade_date,
        booked_at=now,
    )
    trader_rate = quote.provenance.get("trader_price", {}).get(side)
    version = TradeVersion(
        id=ids.uuid7(),
        trade=trade,
        number=1,
        action="NEW",
        side=side,
        quantity=getattr(quote, f"{side}_quantity"),
        price=getattr(quote, f"{side}_price"),
        quote_quantity=getattr(quote, f"{side}_quote_quantity"),
        fee=getattr(quote, f"{side}_fee"),
        fee_asset=deal.quote,
        pays=getattr(quote, f"{side}_client_pays"),
        pays_asset=deal.quote if buys else deal.base,
        receives=getattr(quote, f"{side}_client_receives"),
        receives_asset=deal.base if buys else deal.quote,
        value_date=deal.value_date,
        reference_mid=quote.reference_mid,
        trader_rate=None if trader_rate is None else Decimal(trader_rate),
        trader_id=quote.priced_by_id,
        sales=deal.sales,
        introducer_id=deal.introducer_id,
        effective_at=now,
    )
    refuse = {
        "trade_client_order": DuplicateOrder(client_order_id or ""),
        "trades_trade_quote_id_key": AlreadyTraded(),
        "trades_trade_rfq_id_key": AlreadyTraded(),
    }
    db.insert(trade, version, refuse=refuse)
    events.record(
        "trade.booked",
        subject_type="trade",
        subject_id=trade.id,
        client_id=deal.client_id,
        account_id=deal.account_id,
        public=describe(trade, version, "SETTLED" if settles_now else "OPEN"),
        house={"quote": str(quote.id), "book": str(deal.book_id)},
        at=now,
    )
    return trade, version
