"""A client takes a firm quote: one accepted quote, one trade, what both owe, and the ledger, in one transaction."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.clients import operations as client_operations
from apps.clients import queries as clients
from apps.clients import rules as client_rules
from apps.clients.models import SettlementMode
from apps.core import ids
from apps.core.actor import Actor
from apps.core.flights import Statement
from apps.core.unit import step, use_case
from apps.credit import operations as credit
from apps.instruments import rules as calendar
from apps.ledger import operations as ledger
from apps.ledger.rules import Ref
from apps.ledger.states import Kind
from apps.rfqs import operations as rfqs
from apps.rfqs import queries as rfq_queries
from apps.rfqs.queries import Deal
from apps.rfqs.states import Side
from apps.settlement import operations as settlement
from apps.trades import operations as trades
from apps.trades.models import Trade, TradeVersion
from apps.trades.rules import Economics, client_lines

from . import quoting


def _reads(*, actor: Actor, quote_id: UUID, **_: Any) -> list[Statement]:
    return [rfq_queries.read_deal(quote_id, actor=actor)]


@use_case(ahead=_reads)
def accept_quote(
    *,
    actor: Actor,
    quote_id: UUID,
    client_order_id: str,
    side: Side,
    price: Decimal,
    elapsed_us: Callable[[], int] | None = None,
    now: datetime,
) -> tuple[Trade, TradeVersion, str]:
    """Deal at exactly the price and size shown, if the quote was live when the accept was received. Never refused for price or credit.

    :param elapsed_us: how long ago the accept arrived
    :param now: the deciding instant, read by the first statement before any lock was waited for
    :return: the trade, its version, its settlement status
    :raises AppError: NotFound, AccountUnavailable, NotEntitled, DealingLimit, KeyCapExceeded, QuoteExpired, QuoteAnswered, QuoteWithdrawn,
        QuoteSuperseded, PriceMismatch, DuplicateOrder
    """
    deal = rfq_queries.get_deal(quote_id, actor=actor)
    quoting.require_may_answer(deal)
    client_rules.require_within(deal.dealing_limit, deal.notional)
    if actor.caps:
        spend_caps(actor=actor, deal=deal, now=now)
    return deal_at(deal=deal, quote_id=quote_id, client_order_id=client_order_id, side=side, price=price, now=now, elapsed_us=elapsed_us)


@step
def spend_caps(*, actor: Actor, deal: Deal, now: datetime) -> None:
    """:raises KeyCapExceeded: more than the key itself may deal"""
    day = calendar.business_date(now, calendar.Roll(deal.roll, deal.roll_zone))
    client_operations.spend_caps(actor=actor, pair=deal.pair, notional=deal.notional, day=day)


@step
def deal_at(
    *,
    deal: Deal,
    quote_id: UUID,
    client_order_id: str | None,
    side: Side,
    price: Decimal,
    now: datetime,
    elapsed_us: Callable[[], int] | None = None,
    trade_id: UUID | None = None,
    is_short: bool = False,
) -> tuple[Trade, TradeVersion, str]:
    """Take a live quote: use what was reserved or held for it, book the trade, what both owe, and the ledger.

    :param is_short: the prefunded balance does not hold it: owed until the client has paid, never an overdraft
    """
    trade_id = trade_id or ids.uuid7()
    prefunded = deal.mode == SettlementMode.PREFUNDED and not is_short
    if deal.has_reserved:
        credit.commit_with_next(source_id=deal.rfq_id, deal_id=trade_id)
    if prefunded:
        clients.lock_account(deal.account_id)
        pays = deal.quote if side is Side.BUY else deal.base
        ledger.post_holds(source_id=deal.rfq_id, now=now, only=[Ref(deal.entity_id, Kind.CLIENT_BALANCE, pays, owner_id=deal.account_id)])
    quote = rfqs.accept(
        quote_id=quote_id, deal=deal, side=side, price=price, response_time_us=elapsed_us() if elapsed_us else None, now=now
    )
    trade_date = calendar.business_date(now, calendar.Roll(deal.roll, deal.roll_zone))
    trade, version = trades.book_client(
        trade_id=trade_id,
        quote=quote,
        deal=deal,
        client_order_id=client_order_id,
        trade_date=trade_date,
        settles_now=prefunded,
        now=now,
    )
    settlement.owe(trade=trade, version=version, account_id=deal.account_id, settles_now=prefunded, now=now)
    ledger.post(
        key=f"trade:{trade.id}:1",
        kind="DEAL",
        source_type="trade",
        source_id=trade.id,
        lines=client_lines(
            Economics(
                version.side,
                deal.base,
                deal.quote,
                version.pays,
                version.receives,
                version.fee,
                deal.client_id if deal.fee_mode == "INVOICED" else None,
            ),
            entity_id=deal.entity_id,
            book_id=deal.book_id,
            account_id=deal.account_id,
            prefunded=prefunded,
        ),
        effective_at=now,
        business_date=trade_date,
        narrative=f"{version.side} {deal.pair}",
    )
    return trade, version, "SETTLED" if prefunded else "OPEN"
