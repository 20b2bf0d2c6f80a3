"""Firm quotes: accept or decline."""

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show_one
from apps.api.shapes import EMPTY, Amount, Body, Choice, Reference
from apps.rfqs import queries
from apps.rfqs.states import Side
from apps.trades.queries import describe
from apps.workflows.accept_quote import accept_quote
from apps.workflows.counter_quote import counter_quote
from apps.workflows.end_quote import decline_quote

from .paging import wire_id
from .rfqs import QUOTE, RFQ
from .trades import TRADE

ACCEPT = Body(
    "Accept",
    {
        "client_order_id": Reference("your id of this deal, unique for ever", "order-2026-000123", required=True),
        "side": Choice("the side you take", "buy", required=True, among=("buy", "sell")),
        "price": Amount("the quote's price, echoed", "20004.12", required=True),
    },
)
COUNTER = Body(
    "Counter",
    {
        "side": Choice("the side that your limit is for", "buy", required=True, among=("buy", "sell")),
        "price": Amount("the worst price you would take: better for you than the quote's", "20001.00", required=True),
    },
)
EXAMPLE = {"client_order_id": "order-2026-000123", "side": "buy", "price": "20004.12"}
GONE = "quote_expired, quote_answered, quote_withdrawn, quote_superseded"


def render_trade(result: Any) -> tuple[int, dict[str, Any]]:
    trade, version, settlement_status = result
    return 201, describe(trade, version, settlement_status)


class OneQuote(Door):
    @documented("One quote", answer=QUOTE, refusals={404: "not_found"}, one=True)
    def get(self, request: Request, quote_id: str) -> HttpResponse:
        found = wire_id("quo", quote_id)
        queries.get_deal(found, actor=self.actor)
        quote = queries.get_quote(found)
        return show_one(queries.describe_quote(quote))


class AcceptQuote(Door):
    hears_late = True
    scopes: ClassVar[dict[str, str]] = {"POST": "trade"}

    @documented(
        "Deal at the quote's price: never refused for price or credit while the quote lives",
        body=ACCEPT,
        answer=TRADE,
        status=201,
        example=EXAMPLE,
        refusals={
            404: "not_found",
            409: f"{GONE}, duplicate_client_order_id, idempotency_in_progress",
            422: "price_mismatch, not_entitled, account_unavailable, dealing_limit_exceeded, key_cap_exceeded, idempotency_key_reused",
        },
    )
    def post(self, request: Request, quote_id: str) -> HttpResponse:
        asked = self.read(ACCEPT)
        found = wire_id("quo", quote_id)
        return self.run(
            accept_quote,
            operation="accept",
            render=render_trade,
            reference=asked["client_order_id"],
            gate=queries.gate(found),
            house={"quote": str(found)},
            quote_id=found,
            client_order_id=asked["client_order_id"],
            side=Side(asked["side"]),
            price=asked["price"],
            elapsed_us=self.elapsed_us,
        )


class DeclineQuote(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "quote"}

    @documented("Say no to a quote", body=EMPTY, answer=QUOTE, refusals={404: "not_found", 409: GONE}, example={})
    def post(self, request: Request, quote_id: str) -> HttpResponse:
        self.read(EMPTY)
        return self.run(
            decline_quote,
            operation="decline",
            render=lambda quote: (200, queries.describe_quote(quote)),
            quote_id=wire_id("quo", quote_id),
        )


class CounterQuote(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "quote"}

    @documented(
        "Name your limit: the quote ends, and a person answers with another one, or not",
        body=COUNTER,
        answer=RFQ,
        refusals={
            404: "not_found",
            409: GONE,
            422: "price_mismatch, counter_not_better, not_entitled, account_unavailable, idempotency_key_reused",
        },
        example={"side": "buy", "price": "20001.00"},
    )
    def post(self, request: Request, quote_id: str) -> HttpResponse:
        asked = self.read(COUNTER)
        return self.run(
            counter_quote,
            operation="counter",
            render=lambda result: (200, queries.describe_rfq(*result)),
            quote_id=wire_id("quo", quote_id),
            side=Side(asked["side"]),
            price=asked["price"],
        )
