"""Requests for quote."""

from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from apps.api import limits
from apps.api.docs import documented
from apps.api.door import Door, show, show_one
from apps.api.jsonbody import peek
from apps.api.problems import ScopeMissing
from apps.api.shapes import EMPTY, Amount, Body, Choice, Flag, Reference, Whole, WireId, array, decimal, moment, obj, page, read_query, text
from apps.clients.queries import KeyGrant
from apps.core import ids
from apps.core.valkey import Command
from apps.pricing.feeds import bus
from apps.pricing.rules import Composite
from apps.pricing.rules.worth import usd_per
from apps.rfqs import queries, rules
from apps.rfqs.operations import Ask
from apps.rfqs.states import Channel, QuoteStatus, RfqStatus, Side, Withdrawal
from apps.workflows.end_quote import cancel_rfq
from apps.workflows.request_quote import Result, request_quote

from .allocations import SHARES, to_shares
from .paging import PAGE, newest_first, wire_id

BODY = Body(
    "RfqRequest",
    {
        "client_rfq_id": Reference("your id of this request, unique for ever", "rfq-2026-000123", required=True),
        "account_id": WireId("the account to deal for; your default account without it", prefix="acc"),
        "instrument": Reference("e.g. BTC-USD", "BTC-USD", required=True),
        "side": Choice("yours, of the base asset", "buy", required=True, among=("buy", "sell", "two_way")),
        "quantity": Amount("base quantity", "2.5"),
        "quote_quantity": Amount("what you pay or receive, fee included", None),
        "tenor": Choice("settlement; the instrument's own without it", "T+1", among=("T+0", "T+1", "T+2")),
        "ttl_ms": Whole("how long the quote shall live", 10_000, least=rules.HAND_TTL_MS[0], most=rules.HAND_TTL_MS[1]),
        "respond_within_ms": Whole("how long you wait for a price", 60_000, least=rules.RESPOND_MS[0], most=rules.RESPOND_MS[1]),
        "stream": Flag("each new price is a new quote; the one before stays good for your minimum life", False),
        "allocations": replace(SHARES, required=False, about="who shall have which part of its deal; needs the scope trade"),
    },
    one_of=("quantity", "quote_quantity"),
)
QUOTE_SIDE = obj(
    {
        "price": decimal("of one base unit, in the quote asset"),
        "quantity": decimal("base"),
        "quote_quantity": decimal("quantity × price, rounded once"),
        "fee": decimal("in the quote asset"),
        "client_pays": decimal("in all"),
        "client_receives": decimal("in all"),
        "headroom_before": decimal("of the binding line or balance"),
        "headroom_after": decimal("once this is dealt"),
        "headroom_currency": text("its currency"),
        "binding": text("whose limit binds", enum=["GROUP", "CLIENT", "ACCOUNT", "BALANCE"]),
        "binding_measure": text("which of its limits; not of a balance", enum=["PRE_SETTLEMENT", "SETTLEMENT", "DAILY"]),
    },
    "binding_measure",
)
QUOTE = obj(
    {
        "id": text("quo_…"),
        "rfq_id": text("rfq_…"),
        "number": {"type": "integer", "description": "1, 2, … of its request"},
        "status": text("OPEN and its ends", enum=[str(s) for s in QuoteStatus]),
        "firm": {"type": "boolean"},
        "value_date": text("both legs settle on it", format="date"),
        "cutoffs": {"type": "object", "additionalProperties": moment("UTC"), "description": "by asset"},
        "created_at": moment("it lives from here"),
        "expires_at": moment("an accept received before this trades"),
        "reference_mid": decimal("mid of the book it was made from"),
        "spread_bps": decimal("between the book's price for the size and yours"),
        "sources": array(obj({"venue": text(""), "instrument": text(""), "age_ms": {"type": "integer"}, "mid": decimal("")})),
        "response_time_us": {
            "type": ["integer", "null"],
            "description": "from your request's arrival to this answer; null of a later one",
        },
        "buy": QUOTE_SIDE,
        "sell": QUOTE_SIDE,
        "good_until": moment("of a superseded quote: an accept received before this trades"),
        "reason": text("why it was withdrawn", enum=[str(w) for w in Withdrawal]),
        "quote_receipt": text("compact JWS (EdDSA) over what was quoted; verify it with a key of /.well-known/jwks.json"),
    },
    "buy",
    "sell",
    "good_until",
    "reason",
    "quote_receipt",
)
RFQ = obj(
    {
        "id": text("rfq_…"),
        "client_rfq_id": {"type": ["string", "null"], "description": "yours; an order or a deal booked on your behalf has none"},
        "account_id": text("acc_…"),
        "account": text("its code"),
        "instrument": text("e.g. BTC-USD"),
        "side": text("buy, sell or two_way"),
        "quantity": {"type": ["string", "null"]},
        "quote_quantity": {"type": ["string", "null"]},
        "tenor": text("T+n"),
        "value_date": text("", format="date"),
        "channel": text("", enum=[str(c) for c in Channel]),
        "stream": {"type": "boolean", "description": "each new price is a new quote"},
        "status": text("RECEIVED means a person prices it", enum=[str(s) for s in RfqStatus]),
        "received_at": moment(""),
        "respond_by": moment("without a price by then it expires"),
        "limit": obj({"side": text("buy or sell"), "price": decimal("the worst you take: of your last counter, or of an order")}),
        "reason": text("why it ended, or why it waits"),
        "fix": obj(
            {
                "quote_request_reject_reason": {"type": "integer", "description": "FIX tag 658"},
                "quote_status": {"type": "integer", "description": "FIX tag 297"},
            },
            "quote_request_reject_reason",
        ),
        "warnings": array(
            obj({"code": text("", enum=["possible_duplicate"]), "rfq_id": text("the request of a moment before that looks the same")})
        ),
        "quote": QUOTE,
    },
    "limit",
    "reason",
    "fix",
    "warnings",
    "quote",
)
LIST = {"status": Choice("only these", among=tuple(str(s) for s in RfqStatus)), **PAGE}
EXAMPLE = {"client_rfq_id": "rfq-2026-000123", "instrument": "BTC-USD", "side": "buy", "quantity": "2.5"}
REFUSALS = {
    404: "not_found",
    409: "duplicate_client_rfq_id, idempotency_in_progress",
    422: "credit_exceeded, cap_exceeded, credit_breached, not_risk_reducing, mark_stale, dealing_limit_exceeded, key_cap_exceeded, "
    "insufficient_balance, price_unavailable, price_stale, unknown_instrument, instrument_not_allowed, "
    "size_too_small, quantity_out_of_range, too_many_decimals, "
    "ttl_out_of_range, past_cutoff, account_unavailable, not_entitled, trading_halted, "
    "quote_inconsistent, bad_allocation, no_word, idempotency_key_reused",
    429: "rate_limited, fair_use",
}


def render(result: Result) -> tuple[int, dict[str, Any]]:
    rfq, quote, account = result
    return 201, queries.describe_rfq(rfq, quote, account)


def to_ask(asked: dict[str, Any]) -> Ask:
    """A body that was read; what is missing of one that could not be is empty, or a buy."""
    return Ask(
        client_rfq_id=asked["client_rfq_id"],
        pair=asked["instrument"] or "",
        side=Side(asked["side"] or "buy"),
        quantity=asked["quantity"],
        quote_quantity=asked["quote_quantity"],
        tenor=asked["tenor"] or "",
        ttl_ms=asked["ttl_ms"] or rules.DEFAULT_TTL_MS,
        respond_within_ms=asked["respond_within_ms"] or rules.DEFAULT_RESPOND_MS,
        stream=bool(asked["stream"]),
    )


class PricedDoor(Door):
    """A door where a POST is priced at once: its count and its pair's book are asked for together with the key's own counters."""

    def ahead(self, request: Request, grant: KeyGrant) -> list[Command]:
        pair = peek(request._request.body, "instrument") if request.method == "POST" else ""
        if not pair:
            return super().ahead(request, grant)
        return [*super().ahead(request, grant), *limits.commands(policy="rfqs", who=grant.key_id, rate=rfqs_rate(grant)), bus.command(pair)]

    def planned(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The shares of the deal that a request names.

        :raises ScopeMissing: a key that only asks for prices names nobody who shall have what
        """
        if not asked["allocations"]:
            return {}
        if "trade" not in self.caller.grant.scopes:
            raise ScopeMissing("allocations need the scope trade")
        return {"shares": to_shares(asked["allocations"])}

    def market(self, request: Request, pair: str) -> dict[str, Any]:
        """Spend one of the key's prices; the pair's book and what its quote asset is worth, as a use case takes them."""
        depth = self.depth(request, pair)
        return {"depth": depth, "usd_per_quote": usd_per(pair.rpartition("-")[2], depth)}

    def depth(self, request: Request, pair: str) -> Composite | None:
        """Spend one of the key's prices; the pair's book, None where there is none."""
        grant = self.caller.grant
        limits.spend(request._request, policy="rfqs", who=grant.key_id, rate=rfqs_rate(grant))
        return bus.find_depth(pair)


def rfqs_rate(grant: KeyGrant) -> str:
    return grant.limits.get("rfqs") or str(settings.RATE_RFQS)


class Rfqs(PricedDoor):
    hears_late = True
    scopes: ClassVar[dict[str, str]] = {"POST": "quote", "GET": "read"}

    @documented("Ask for a firm price", body=BODY, answer=RFQ, status=201, example=EXAMPLE, refusals=REFUSALS)
    def post(self, request: Request) -> HttpResponse:
        asked = self.read(BODY)
        return self.run(
            request_quote,
            meanwhile=partial(self.market, request, asked["instrument"]),
            operation="rfq",
            render=render,
            reference=asked["client_rfq_id"],
            house={"pair": asked["instrument"]},
            account_id=asked["account_id"],
            ask=to_ask(asked),
            elapsed_us=self.elapsed_us,
            rfq_id=ids.uuid7(),
            **self.planned(asked),
        )

    @documented("Your requests, newest first", name="list_rfqs", answer=page(RFQ), query=LIST)
    def get(self, request: Request) -> HttpResponse:
        query = read_query(request.query_params, LIST)
        rows = queries.visible_to(self.actor)
        if query["status"] is not None:
            rows = rows.filter(status=query["status"])
        return show(
            newest_first(
                rows,
                actor=self.actor,
                query=query,
                moment="received_at",
                describe=lambda found: [queries.describe_rfq(rfq, None, rfq.account.code) for rfq in found],
            )
        )


class OneRfq(Door):
    @documented("One request with its last quote", answer=RFQ, refusals={404: "not_found"}, one=True)
    def get(self, request: Request, rfq_id: str) -> HttpResponse:
        rfq = queries.get_rfq(wire_id("rfq", rfq_id), actor=self.actor)
        quote = queries.find_last_quote(rfq.id)
        return show_one(queries.describe_rfq(rfq, quote, rfq.account.code))


class CancelRfq(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "quote"}

    @documented("Take a request back", body=EMPTY, answer=RFQ, refusals={404: "not_found", 409: "rfq_closed"}, example={})
    def post(self, request: Request, rfq_id: str) -> HttpResponse:
        self.read(EMPTY)
        return self.run(
            cancel_rfq,
            operation="rfq.cancel",
            render=lambda rfq: (200, queries.describe_rfq(rfq, None, rfq.account.code)),
            rfq_id=wire_id("rfq", rfq_id),
        )
