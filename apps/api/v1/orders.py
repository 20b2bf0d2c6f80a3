"""Fill-or-kill orders at the desk's price."""

from dataclasses import replace
from functools import partial
from typing import ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.shapes import Amount, Body, Choice, Reference, WireId
from apps.rfqs.states import Side
from apps.workflows.fill_or_kill import fill_or_kill

from .allocations import SHARES
from .quotes import render_trade
from .rfqs import PricedDoor
from .trades import TRADE

ORDER = Body(
    "Order",
    {
        "client_order_id": Reference("your id of this order, unique for ever, a refused one too", "order-2026-000124", required=True),
        "account_id": WireId("the account to deal for; your default account without it", prefix="acc"),
        "instrument": Reference("e.g. BTC-USD", "BTC-USD", required=True),
        "side": Choice("yours, of the base asset", "buy", required=True, among=("buy", "sell")),
        "quantity": Amount("base quantity", "2.5", required=True),
        "limit_price": Amount("the worst price you take", "20010.00", required=True),
        "time_in_force": Choice("all of it at once, or nothing", "FOK", required=True, among=("FOK",)),
        "allocations": replace(SHARES, required=False, about="who shall have which part of its deal"),
    },
)
EXAMPLE = {
    "client_order_id": "order-2026-000124",
    "instrument": "BTC-USD",
    "side": "buy",
    "quantity": "2.5",
    "limit_price": "20010.00",
    "time_in_force": "FOK",
}
REFUSALS = {
    404: "not_found",
    409: "duplicate_client_order_id, idempotency_in_progress",
    422: "price_not_met, price_unavailable, credit_exceeded, cap_exceeded, credit_breached, mark_stale, "
    "dealing_limit_exceeded, key_cap_exceeded, insufficient_balance, unknown_instrument, instrument_not_allowed, "
    "quantity_out_of_range, too_many_decimals, size_too_small, past_cutoff, account_unavailable, not_entitled, trading_halted, "
    "quote_inconsistent, bad_allocation, no_word, idempotency_key_reused",
    429: "rate_limited, fair_use",
}


class Orders(PricedDoor):
    hears_late = True
    scopes: ClassVar[dict[str, str]] = {"POST": "trade"}

    @documented(
        "Deal at our price where it is your limit or better", body=ORDER, answer=TRADE, status=201, example=EXAMPLE, refusals=REFUSALS
    )
    def post(self, request: Request) -> HttpResponse:
        asked = self.read(ORDER)
        return self.run(
            fill_or_kill,
            operation="order",
            meanwhile=partial(self.market, request, asked["instrument"]),
            render=render_trade,
            reference=asked["client_order_id"],
            house={"pair": asked["instrument"]},
            account_id=asked["account_id"],
            client_order_id=asked["client_order_id"],
            pair=asked["instrument"],
            side=Side(asked["side"]),
            quantity=asked["quantity"],
            limit_price=asked["limit_price"],
            elapsed_us=self.elapsed_us,
            **self.planned(asked),
        )
