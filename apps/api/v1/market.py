"""Instruments, indicative prices, and the time."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show, show_one
from apps.api.shapes import WireId, array, decimal, moment, obj, read_query, text
from apps.api.versions import INSTRUMENT_TENOR
from apps.core import clock, money
from apps.instruments import queries
from apps.pricing.errors import PriceUnavailable
from apps.pricing.feeds import bus
from apps.pricing.rules import Level
from apps.rfqs.queries import stamp
from apps.workflows.value_dates import list_value_dates

INSTRUMENT = obj(
    {
        "id": text("e.g. BTC-USD"),
        "base": text("code"),
        "quote": text("code"),
        "tick": decimal("price step"),
        "step": decimal("quantity step"),
        "min_quantity": decimal("base"),
        "max_quantity": decimal("base"),
        "base_decimals": {"type": "integer"},
        "quote_decimals": {"type": "integer"},
        "default_tenor": text("T+n unless you ask for another"),
        "tenor": text("the same, of keys of version 2026-09-01: read default_tenor", deprecated=True),
    },
    "tenor",
)
LEVEL = {**array(decimal("")), "minItems": 2, "maxItems": 2, "description": "price and quantity, best first"}
PRICE = obj(
    {
        "instrument": text(""),
        "firm": {"type": "boolean", "description": "always false: ask for a quote"},
        "bid": decimal("the best"),
        "ask": decimal("the best"),
        "mid": decimal(""),
        "bids": array(LEVEL),
        "asks": array(LEVEL),
        "as_of": moment("when it was put together, of prices at most seconds older"),
    }
)

PRICE_EXAMPLE = {
    "instrument": "BTC-USD",
    "firm": False,
    "bid": "20000",
    "ask": "20001",
    "mid": "20000.5",
    "bids": [["20000", "1.5"], ["19999.5", "4"]],
    "asks": [["20001", "2"], ["20001.5", "6"]],
    "as_of": "2026-09-15T12:00:00.900000Z",
}
VALUE_DATE = obj(
    {
        "tenor": text("T+n", enum=["T+0", "T+1", "T+2"]),
        "available": {"type": "boolean", "description": "false: its cut-off has passed, or today is no good day for one of the assets"},
        "value_date": text("both legs settle on it; where it is not available, the next one that is", format="date"),
        "cutoffs": {"type": "object", "additionalProperties": moment(""), "description": "by asset; an asset without one is sent all day"},
        "detail": text("why it is not available"),
    },
    "detail",
)
ACCOUNT = {"account_id": WireId("the account to deal for; your default account without it", prefix="acc")}
VALUE_DATES = {
    "instrument": "BTC-USD",
    "as_of": "2026-09-15T12:00:00.000000Z",
    "data": [
        {"tenor": "T+0", "available": True, "value_date": "2026-09-15", "cutoffs": {"USD": "2026-09-15T22:00:00.000000Z"}},
        {"tenor": "T+1", "available": True, "value_date": "2026-09-16", "cutoffs": {"USD": "2026-09-16T22:00:00.000000Z"}},
        {"tenor": "T+2", "available": True, "value_date": "2026-09-17", "cutoffs": {"USD": "2026-09-17T22:00:00.000000Z"}},
    ],
}


class Instruments(Door):
    deprecated = INSTRUMENT_TENOR

    @documented("What can be dealt", answer=obj({"data": array(INSTRUMENT)}), headers=INSTRUMENT_TENOR.headers)
    def get(self, request: Request) -> HttpResponse:
        return show({"data": [_describe(pair, self.version) for pair in queries.list_pairs()]})


class OneInstrument(Door):
    deprecated = INSTRUMENT_TENOR

    @documented(
        "One instrument",
        name="get_instrument",
        answer=INSTRUMENT,
        refusals={404: "not_found"},
        one=True,
        headers=INSTRUMENT_TENOR.headers,
    )
    def get(self, request: Request, instrument: str) -> HttpResponse:
        return show_one(_describe(queries.get_pair(instrument), self.version))


class ValueDates(Door):
    @documented(
        "Of each tenor: when a deal made now settles, and until when each asset can be sent for it",
        name="list_value_dates",
        answer=obj({"instrument": text("e.g. BTC-USD"), "as_of": moment("desk time"), "data": array(VALUE_DATE)}),
        query=ACCOUNT,
        answer_example=VALUE_DATES,
        refusals={404: "not_found"},
    )
    def get(self, request: Request, instrument: str) -> HttpResponse:
        account_id = read_query(request.query_params, ACCOUNT)["account_id"]
        now = clock.desk_now()
        return show({"instrument": instrument, "as_of": stamp(now), "data": list_value_dates(self.actor, account_id, instrument, now)})


def _describe(p: Any, version: str | None) -> dict[str, Any]:
    old = {"tenor": p.tenor} if version is not None and INSTRUMENT_TENOR.is_shown(version) else {}
    return {
        "id": p.code,
        "base": p.base_id,
        "quote": p.quote_id,
        "tick": money.text(p.tick),
        "step": money.text(p.step),
        "min_quantity": money.text(p.min_quantity),
        "max_quantity": money.text(p.max_quantity),
        "base_decimals": p.base.scale,
        "quote_decimals": p.quote.scale,
        "default_tenor": p.tenor,
    } | old


class Prices(Door):
    @documented(
        "The merged book, indicative: before your spread and fee",
        answer=PRICE,
        answer_example=PRICE_EXAMPLE,
        refusals={404: "not_found", 422: "price_unavailable"},
    )
    def get(self, request: Request, instrument: str) -> HttpResponse:
        queries.get_pair(instrument)
        depth = bus.read_depth(instrument)
        if depth is None or not depth.is_dealable:
            raise PriceUnavailable(f"no price of {instrument} is published")
        return show(
            {
                "instrument": instrument,
                "firm": False,
                "bid": money.text(depth.bids[0].price),
                "ask": money.text(depth.asks[0].price),
                "mid": money.text(depth.mid),
                "bids": _ladder(depth.bids),
                "asks": _ladder(depth.asks),
                "as_of": stamp(depth.as_of),
            }
        )


def _ladder(levels: Iterable[Level]) -> list[list[str]]:
    """As the frames of `prices.{pair}` have it."""
    return [[money.text(one.price), money.text(one.quantity)] for one in levels]


class Time(Door):
    @documented("The clock that decides, and the one that signatures are held to", answer=obj({"desk": moment(""), "wall": moment("")}))
    def get(self, request: Request) -> HttpResponse:
        return show({"desk": stamp(clock.desk_now()), "wall": stamp(clock.wall_now())})
