"""Deals, with their settlement."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show, show_one
from apps.api.shapes import Instant, Reference, array, decimal, moment, obj, page, read_query, text
from apps.rfqs.queries import stamp
from apps.settlement import queries as settlement
from apps.trades import queries
from apps.trades.rules import REASONS

from .paging import PAGE, newest_first, wire_id

MONEY = obj({"asset": text("code"), "amount": decimal("in all")})
NULLABLE = {"type": ["string", "null"]}
TRADE = obj(
    {
        "id": text("trd_…"),
        "quote_id": NULLABLE,
        "rfq_id": NULLABLE,
        "client_order_id": NULLABLE,
        "account_id": NULLABLE,
        "instrument": text("e.g. BTC-USD"),
        "status": text("", enum=["ACTIVE", "CANCELLED"]),
        "version": {"type": "integer"},
        "side": text("yours", enum=["buy", "sell"]),
        "price": decimal("of one base unit"),
        "quantity": decimal("base"),
        "quote_quantity": decimal("before the fee"),
        "fee": decimal("in fee_asset"),
        "fee_asset": text("code"),
        "client_pays": MONEY,
        "client_receives": MONEY,
        "trade_date": text("", format="date"),
        "value_date": text("", format="date"),
        "booked_at": moment(""),
        "settlement_status": text("of what is owed from it, now", enum=["OPEN", "PART_SETTLED", "SETTLED", "CANCELLED", "CLOSED_OUT"]),
    }
)
VERSION = obj(
    {
        "version": {"type": "integer"},
        "action": text("", enum=["NEW", "CORRECT", "CANCEL"]),
        "reason": text("why, empty for the deal as dealt", enum=["", *REASONS]),
        "note": text("why, in words"),
        "consent": text("where your agreement to it lies"),
        "side": text("yours", enum=["buy", "sell"]),
        "price": decimal("of one base unit"),
        "quantity": decimal("base"),
        "quote_quantity": decimal("before the fee"),
        "fee": decimal("in fee_asset"),
        "fee_asset": text("code"),
        "client_pays": MONEY,
        "client_receives": MONEY,
        "value_date": text("", format="date"),
        "effective_at": moment("from when it is true"),
        "recorded_at": moment("when we recorded it"),
    },
    "recorded_at",
)
AS_OF = {
    "as_known_at": Instant("the deal as we knew it at this moment", None),
    "effective_at": Instant("the deal as it was true at this moment", None),
}
LIST = {"instrument": Reference("only this, e.g. BTC-USD"), **PAGE}


def describe(rows: list[Any]) -> list[dict[str, Any]]:
    """Deals with their settlement status."""
    status = settlement.trade_status([trade.id for trade in rows])
    return [queries.describe(trade, version, status.get(trade.id, "OPEN")) for trade, version in queries.with_versions(rows)]


class Trades(Door):
    @documented("Your deals, newest first", name="list_trades", answer=page(TRADE), query=LIST)
    def get(self, request: Request) -> HttpResponse:
        query = read_query(request.query_params, LIST)
        rows = queries.visible_to(self.actor)
        if query["instrument"] is not None:
            rows = rows.filter(pair_id=query["instrument"])
        return show(newest_first(rows, actor=self.actor, query=query, moment="booked_at", describe=describe))


class OneTrade(Door):
    @documented(
        "One deal, as it is or as it was known or true at a moment",
        answer=TRADE,
        query=AS_OF,
        refusals={404: "not_found: nor was it known, or dealt, at that moment"},
        one=True,
    )
    def get(self, request: Request, trade_id: str) -> HttpResponse:
        query = read_query(request.query_params, AS_OF)
        trade = queries.get_trade(wire_id("trd", trade_id), actor=self.actor)
        if query["as_known_at"] is None and query["effective_at"] is None:
            (document,) = describe([trade])
        else:
            version = queries.get_version_as_of(trade, known_at=query["as_known_at"], effective_at=query["effective_at"])
            document = queries.describe(trade, version, settlement.trade_status([trade.id]).get(trade.id, "OPEN"))
        return show_one(document)


class Versions(Door):
    @documented(
        "Every version of a deal, the deal as dealt first",
        name="list_trade_versions",
        answer=obj({"data": array(VERSION)}),
        refusals={404: "not_found"},
    )
    def get(self, request: Request, trade_id: str) -> HttpResponse:
        trade = queries.get_trade(wire_id("trd", trade_id), actor=self.actor)
        told = [queries.describe_version(one) | {"recorded_at": stamp(one.recorded_at)} for one in queries.list_versions(trade)]
        return show({"data": told})
