"""Deals, through who may see them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet

from apps.core import ids, money
from apps.core.actor import Actor
from apps.core.errors import NotFound

from .models import Trade, TradeVersion
from .states import TradeKind


def visible_to(actor: Actor) -> QuerySet[Trade]:
    """A member sees the client deals of its accounts; staff see all kinds."""
    trades = Trade.objects.select_related("account", "counterparty", "pair", "pair__base", "pair__quote", "book", "entity")
    if actor.is_client and actor.client_id is not None:
        return trades.filter(kind=TradeKind.CLIENT, counterparty_id=actor.client_id, account_id__in=actor.account_ids or ())
    return trades if actor.kind in {"STAFF", "SYSTEM"} else trades.none()


def get_trade(trade_id: UUID, *, actor: Actor) -> Trade:
    found = visible_to(actor).filter(id=trade_id).first()
    if found is None:
        raise NotFound("no such trade")
    return found


def get_version(trade: Trade, number: int | None = None) -> TradeVersion:
    """The current version, or the one asked for."""
    return TradeVersion.objects.get(trade=trade, number=number or trade.version)


def with_versions(trades: Sequence[Trade]) -> list[tuple[Trade, TradeVersion]]:
    """Each deal with its current version, in the order given."""
    current = TradeVersion.objects.filter(trade__in=[t.id for t in trades], number=F("trade__version"))
    by_trade = {v.trade_id: v for v in current}
    return [(trade, by_trade[trade.id]) for trade in trades]


def find_execution(counterparty_id: UUID, execution_id: str) -> Trade | None:
    return Trade.objects.filter(counterparty_id=counterparty_id, execution_id=execution_id).first()


def describe(trade: Trade, version: TradeVersion, settlement_status: str) -> dict[str, Any]:
    """A client deal as REST and events tell it."""
    return {
        "id": ids.encode("trd", trade.id),
        "quote_id": None if trade.quote_id is None else ids.encode("quo", trade.quote_id),
        "rfq_id": None if trade.rfq_id is None else ids.encode("rfq", trade.rfq_id),
        "client_order_id": trade.client_order_id,
        "account_id": None if trade.account_id is None else ids.encode("acc", trade.account_id),
        "instrument": trade.pair_id,
        "status": str(trade.status),
        "version": version.number,
        "side": version.side,
        "price": money.text(version.price),
        "quantity": money.text(version.quantity),
        "quote_quantity": money.text(version.quote_quantity),
        "fee": money.text(version.fee),
        "fee_asset": version.fee_asset,
        "client_pays": {"asset": version.pays_asset, "amount": money.text(version.pays)},
        "client_receives": {"asset": version.receives_asset, "amount": money.text(version.receives)},
        "trade_date": trade.trade_date.isoformat(),
        "value_date": version.value_date.isoformat(),
        "booked_at": trade.booked_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "settlement_status": settlement_status,
    }
