"""Hedges, for the house's own hedging systems. A client's key can never hold the scope."""

from datetime import UTC
from decimal import Decimal
from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door
from apps.api.shapes import Amount, Body, Charge, Choice, Day, Instant, Reference, Text, WireId, array, decimal, moment, obj, text
from apps.pricing.feeds import bus
from apps.trades import queries
from apps.workflows.book_hedge import report_hedge
from apps.workflows.check_hedge import Booked, Execution

from .trades import MONEY, NULLABLE

BODY = Body(
    "HedgeReport",
    {
        "counterparty": Reference("code of the LP or venue", "northgate", required=True),
        "book": Reference("code of the book it belongs to", "main", required=True),
        "execution_id": Text("the LP's own id of it, unique for ever", "NG-20260915-0001", required=True, longest=64),
        "instrument": Reference("e.g. BTC-USD", "BTC-USD", required=True),
        "side": Choice("ours, of the base asset", "buy", required=True, among=("buy", "sell")),
        "quantity": Amount("base", "2.5", required=True),
        "price": Amount("of one base unit, in the quote asset", "68421.5", required=True),
        "quote_quantity": Amount("the LP's second amount; quantity × price at the asset's decimals without it", "171053.75"),
        "fee": Charge("the LP's, in the quote asset; none without it", "17.11"),
        "executed_at": Instant("when the LP executed it", "2026-09-15T12:00:00Z", required=True),
        "value_date": Day("without it the trade date, or with an OTC LP the day of the pair's cycle", "2026-09-15"),
        "trader": Reference("username of the trader", None),
        "covers": WireId("the client's deal that it lays off", prefix="trd"),
        "pre_hedge_of": WireId("the client's request that it was dealt ahead of; only with consent in its terms", prefix="rfq"),
    },
)
HEDGE = obj(
    {
        "id": text("trd_…"),
        "execution_id": text("the LP's"),
        "status": text("what the LP's own record says", enum=["UNCONFIRMED", "CONFIRMED", "BREAK", "CANCELLED"]),
        "instrument": text("e.g. BTC-USD"),
        "side": text("ours", enum=["buy", "sell"]),
        "quantity": decimal("base"),
        "price": decimal("of one base unit"),
        "quote_quantity": decimal("before the fee"),
        "fee": decimal("the LP's, in fee_asset"),
        "fee_asset": text("code"),
        "pays": MONEY,
        "receives": MONEY,
        "executed_at": moment(""),
        "trade_date": text("", format="date"),
        "value_date": text("", format="date"),
        "covers": NULLABLE,
        "pre_hedge_of": NULLABLE,
        "differences": array(obj({"field": text("which"), "ours": text("as booked"), "theirs": text("in the LP's record")})),
    }
)
EXAMPLE = {
    "counterparty": "northgate",
    "book": "main",
    "execution_id": "NG-20260915-0001",
    "instrument": "BTC-USD",
    "side": "buy",
    "quantity": "2.5",
    "price": "68421.5",
    "fee": "17.11",
    "executed_at": "2026-09-15T12:00:00Z",
}


class Hedges(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "hedge"}

    @documented(
        "Report a hedge that your system dealt for the house; the same execution again is the same hedge",
        name="report_hedge",
        body=BODY,
        answer=HEDGE,
        status=201,
        refusals={403: "not_the_house", 409: "duplicate_execution", 422: "bad_hedge, no_prehedge_consent"},
        example=EXAMPLE,
    )
    def post(self, request: Request) -> HttpResponse:
        asked = self.read(BODY)
        execution = Execution(
            **{name: value for name, value in asked.items() if name not in {"executed_at", "fee"}},
            executed_at=asked["executed_at"].astimezone(UTC),
            fee=asked["fee"] or Decimal(0),
        )
        return self.run(
            report_hedge,
            operation="hedge",
            render=_render,
            execution=execution,
            mids=bus.read_all([asked["instrument"]]),
        )


def _render(booked: Booked) -> tuple[int, dict[str, Any]]:
    return 201, queries.describe_hedge(booked.trade, booked.version, booked.hedge)
