"""Your credit: lines, what is taken of them, what a list of deals would take, and calls."""

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show, show_one
from apps.api.shapes import Amount, Body, Choice, Field, Items, Reference, WireId, array, decimal, moment, obj, page, read_query, text
from apps.clients import queries as clients
from apps.core import clock, ids, money
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.credit import queries as credit
from apps.pricing.feeds import bus
from apps.pricing.rules.worth import usd_per
from apps.reports.queries.desk import credit as lines
from apps.rfqs.queries import stamp
from apps.workflows.what_if import Deal, what_if

from .event_types import CALL
from .paging import PAGE, newest_first, wire_id

_MEASURES = ["PRE_SETTLEMENT", "SETTLEMENT", "DAILY", "DEAL"]
DAY = obj(
    {
        "day": text("value date, or business date of a daily cap", format="date"),
        "reserved": decimal("by quotes"),
        "used": decimal("by deals"),
    }
)
LINE = obj(
    {
        "level": text("whose line; of a group only its headroom is told", enum=["GROUP", "CLIENT", "ACCOUNT"]),
        "measure": text("what it bounds", enum=_MEASURES),
        "account_id": {"type": ["string", "null"], "description": "acc_… of an account's line"},
        "currency": text("USD"),
        "headroom": decimal("what is left; of a line that counts by day, on its worst day"),
        "limit": decimal("line plus excess, 0 outside its dates"),
        "reserved": decimal("by quotes"),
        "used": decimal("by deals not settled"),
        "revalued": decimal("what live marks add to it"),
        "excess_until": moment("while an excess counts"),
        "valid_until": moment("the line ends"),
        "days": array(DAY),
        "breach": text("until it is cured only risk-reducing deals", enum=["MARKS", "LINE_CUT", "EXPIRED", "AGREED"]),
    },
    "limit", "reserved", "used", "revalued", "excess_until", "valid_until", "days", "breach",
)  # fmt: skip
DEAL: dict[str, Field] = {
    "account_id": WireId("the account; your default account without it", prefix="acc"),
    "instrument": Reference("e.g. BTC-USD", "BTC-USD", required=True),
    "side": Choice("yours, of the base asset", "buy", required=True, among=("buy", "sell")),
    "quantity": Amount("base quantity", "2"),
    "quote_quantity": Amount("in the quote asset", None),
}
ONE_OF = ("quantity", "quote_quantity")
BODY = Body("WhatIf", {"deals": Items("in the order in which you would do them", required=True, fields=DEAL, one_of=ONE_OF)})
STEP = obj(
    {
        "instrument": text(""),
        "fits": {"type": "boolean"},
        "code": text("why not, as an RFQ would be refused"),
        "detail": text("why not"),
        "headroom_before": decimal("of the limit that binds"),
        "headroom_after": decimal("once this and those before it are done"),
        "headroom_currency": text("its currency"),
        "binding": text("whose limit binds", enum=["GROUP", "CLIENT", "ACCOUNT", "BALANCE", "NONE"]),
        "binding_measure": text("which of its limits", enum=_MEASURES),
    },
    "code", "detail", "headroom_before", "headroom_after", "headroom_currency", "binding", "binding_measure",
)  # fmt: skip
EXAMPLE = {"deals": [{"instrument": "BTC-USD", "side": "buy", "quantity": "2"}, {"instrument": "BTC-USD", "side": "sell", "quantity": "1"}]}


class Credit(Door):
    @documented("Your lines and caps, what is taken of them, and breaches", answer=obj({"data": array(LINE)}))
    def get(self, request: Request) -> HttpResponse:
        return show({"data": describe_lines(self.actor)})


class WhatIf(Door):
    scopes: ClassVar[dict[str, str]] = {"POST": "read"}

    @documented(
        "What a list of deals would take, one after the other; nothing is stored or reserved",
        body=BODY,
        answer=obj({"data": array(STEP)}),
        example=EXAMPLE,
        refusals={404: "not_found", 422: "price_unavailable, unknown_instrument"},
    )
    def post(self, request: Request) -> HttpResponse:
        asked = [Deal(**one) for one in self.read(BODY)["deals"]]
        depths = {pair: bus.read_depth(pair) for pair in {one.instrument for one in asked}}
        worth = {pair: usd_per(pair.rpartition("-")[2], depth) for pair, depth in depths.items()}
        return show({"data": what_if(actor=self.actor, deals=asked, depths=depths, worth=worth, now=clock.desk_now())})


class ExposureCalls(Door):
    @documented("What we have called you for, newest first", name="list_exposure_calls", answer=page(CALL), query=PAGE)
    def get(self, request: Request) -> HttpResponse:
        now, query, rows = clock.desk_now(), read_query(request.query_params, PAGE), credit.calls_visible_to(self.actor)
        return show(
            newest_first(
                rows,
                actor=self.actor,
                query=query,
                moment="issued_at",
                describe=lambda calls: [credit.describe_call(one, now) for one in calls],
            )
        )


def describe_lines(actor: Actor) -> list[dict[str, Any]]:
    """The lines that bound what this member deals."""
    assert actor.client_id is not None
    client = clients.get_counterparty(actor.client_id)
    accounts = [account.id for account in clients.visible_to(actor)]
    subjects = [client.id, *accounts] + ([client.group_id] if client.group_id else [])
    return [describe(row) for row in lines.list_lines(subjects=subjects) if row.level != "LP"]


class OneExposureCall(Door):
    @documented("One call", name="get_exposure_call", answer=CALL, refusals={404: "not_found"}, one=True)
    def get(self, request: Request, call_id: str) -> HttpResponse:
        found = credit.calls_visible_to(self.actor).filter(id=wire_id("call", call_id)).first()
        if found is None:
            raise NotFound("no such call")
        return show_one(credit.describe_call(found, clock.desk_now()))


def describe(row: lines.LineRow) -> dict[str, Any]:
    """A line as its client sees it. A group may hold other firms: of its line only the headroom is told."""
    out: dict[str, Any] = {
        "level": row.level,
        "measure": row.measure,
        "account_id": ids.encode("acc", row.subject_id) if row.level == "ACCOUNT" else None,
        "currency": "USD",
        "headroom": money.text(max(row.headroom, money.ZERO)),
    }
    if row.level == "GROUP":
        return out
    out |= {
        "limit": money.text(row.limit),
        "reserved": money.text(row.reserved),
        "used": money.text(row.used + row.unchecked),
        "revalued": money.text(row.revalued),
        "valid_until": stamp(row.valid_until),
        "days": [
            {"day": d.day.isoformat(), "reserved": money.text(d.reserved), "used": money.text(d.used + d.unchecked)} for d in row.days
        ],
    }
    if row.excess_until is not None and row.excess:
        out["excess_until"] = stamp(row.excess_until)
    return out | ({"breach": row.breach} if row.breach else {})
