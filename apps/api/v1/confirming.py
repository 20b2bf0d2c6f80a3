"""Confirmations of deals: read, affirmed or disputed."""

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api import etags
from apps.api.docs import documented
from apps.api.door import Door, show_one
from apps.api.shapes import Body, Choice, Text, Whole, moment, obj, read_query, text
from apps.reports.rendering.layouts.confirmation import confirmation_pdf
from apps.trades import queries
from apps.workflows.confirm_deal import REASONS, affirm_trade, dispute_trade, withdraw_dispute

from .paging import wire_id
from .trades import NULLABLE, VERSION

_VERSION = Whole("the version that you read: what has changed since is never answered", 1, required=True, least=1, most=32_767)
AFFIRM = Body("Affirm", {"version": _VERSION})
DISPUTE = Body(
    "Dispute",
    {
        "version": _VERSION,
        "reason": Choice("what is wrong", "PRICE", required=True, among=REASONS),
        "detail": Text("in words", "we agreed 19,990", longest=300),
    },
)
WITHDRAW = Body("WithdrawDispute", {"reason": Text("in words", "found on our side", required=True)})
_DOCUMENT = {name: schema for name, schema in VERSION["properties"].items() if name != "recorded_at"}
DOCUMENT = obj(
    {
        "number": {"type": ["integer", "null"], "description": "yours, without gaps; null while it is DUE"},
        "house": obj({"name": text("ours"), "lei": text("ours")}),
        "client": obj({"name": text("yours"), "lei": text("yours"), "account": text("its code")}),
        "trade_id": text("trd_…"),
        "client_order_id": NULLABLE,
        "instrument": text("e.g. BTC-USD"),
        "trade_date": text("", format="date"),
        "booked_at": moment(""),
        **_DOCUMENT,
    }
)
CONFIRMATION = obj(
    {
        "trade_id": text("trd_…"),
        "version": {"type": "integer"},
        "status": text("", enum=["DUE", "SENT", "AFFIRMED", "DISPUTED", "SUPERSEDED"]),
        "number": {"type": "integer", "description": "yours, without gaps"},
        "digest": text("SHA-256 of `document` as JSON with sorted keys and no spaces, in hexadecimal"),
        "document": DOCUMENT,
        "due_at": moment("answer by then"),
        "sent_at": moment(""),
        "answered_at": moment("affirmed or disputed"),
        "answered_by": text("", enum=["you", "us on your behalf"]),
    },
    "number", "digest", "due_at", "sent_at", "answered_at", "answered_by",
)  # fmt: skip
DISPUTED = obj(
    {
        "id": text("dsp_…"),
        "trade_id": text("trd_…"),
        "version": {"type": "integer"},
        "status": text("", enum=["OPEN", "UPHELD", "REJECTED", "WITHDRAWN"]),
        "reason": text("", enum=list(REASONS)),
        "detail": text("in words"),
        "raised_at": moment(""),
        "due_at": moment("we answer by then"),
        "ended_at": moment(""),
        "outcome": text("why it ended so"),
    },
    "ended_at",
    "outcome",
)
ONE = {"version": Whole("of an earlier version", None, least=1, most=32_767)}


class OneConfirmation(Door):
    @documented(
        "The confirmation of a deal, one a version",
        answer=CONFIRMATION,
        query=ONE,
        refusals={404: "not_found"},
        one=True,
    )
    def get(self, request: Request, trade_id: str) -> HttpResponse:
        return show_one(_told(self, request, trade_id))


class ConfirmationPdf(Door):
    media = "application/pdf"

    @documented("The confirmation of a deal as PDF", answer={}, query=ONE, refusals={404: "not_found"}, file="application/pdf")
    def get(self, request: Request, trade_id: str) -> HttpResponse:
        told = _told(self, request, trade_id)
        out = HttpResponse(confirmation_pdf(told), content_type=self.media)
        out["Content-Disposition"] = f'inline; filename="confirmation-{told["trade_id"]}-{told["version"]}.pdf"'
        return etags.tagged(out)


class Affirm(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "trade"}

    @documented(
        "Affirm a deal: this version is what you dealt",
        body=AFFIRM,
        answer=CONFIRMATION,
        example={"version": 1},
        refusals={404: "not_found", 409: "version_superseded, illegal_state", 422: "no_word"},
    )
    def post(self, request: Request, trade_id: str) -> HttpResponse:
        return self.run(
            affirm_trade,
            operation="affirm",
            render=lambda done: (200, queries.describe_confirmation(*done)),
            trade_id=wire_id("trd", trade_id),
            **self.read(AFFIRM),
        )


class DisputeTrade(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "trade"}

    @documented(
        "Dispute a deal: what is open of it stays out of net sets until it is resolved",
        body=DISPUTE,
        answer=DISPUTED,
        status=201,
        example={"version": 1, "reason": "PRICE", "detail": "we agreed 19,990"},
        refusals={404: "not_found", 409: "version_superseded, already_disputed, illegal_state", 422: "no_word"},
    )
    def post(self, request: Request, trade_id: str) -> HttpResponse:
        asked = self.read(DISPUTE)
        return self.run(
            dispute_trade,
            operation="dispute",
            render=lambda one: (201, queries.describe_dispute(one)),
            trade_id=wire_id("trd", trade_id),
            version=asked["version"],
            reason=asked["reason"],
            detail=asked["detail"] or "",
        )


class WithdrawDispute(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "trade"}

    @documented(
        "Take a dispute back",
        body=WITHDRAW,
        answer=DISPUTED,
        example={"reason": "found on our side"},
        refusals={404: "not_found", 409: "illegal_state: none is open", 422: "no_word"},
    )
    def post(self, request: Request, trade_id: str) -> HttpResponse:
        return self.run(
            withdraw_dispute,
            operation="dispute.withdraw",
            render=lambda one: (200, queries.describe_dispute(one)),
            trade_id=wire_id("trd", trade_id),
            **self.read(WITHDRAW),
        )


def _told(door: Door, request: Request, trade_id: str) -> dict[str, Any]:
    number = read_query(request.query_params, ONE)["version"]
    trade = queries.get_trade(wire_id("trd", trade_id), actor=door.actor)
    version = queries.find_version(trade, number)
    return queries.describe_confirmation(queries.find_confirmation(trade, number), trade, version)
