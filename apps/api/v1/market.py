"""Instruments, indicative prices, and the time."""

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show
from apps.api.shapes import array, decimal, moment, obj, text
from apps.core import clock, money
from apps.core.errors import NotFound
from apps.instruments import queries
from apps.pricing.feeds import bus
from apps.rfqs.queries import stamp

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
        "tenor": text("T+n unless you ask for another"),
    }
)
PRICE = obj(
    {
        "instrument": text(""),
        "firm": {"type": "boolean", "description": "always false: ask for a quote"},
        "bid": decimal(""),
        "ask": decimal(""),
        "mid": decimal(""),
        "as_of": moment(""),
    }
)


class Instruments(Door):
    @documented("What can be dealt", answer=obj({"data": array(INSTRUMENT)}))
    def get(self, request: Request) -> HttpResponse:
        return show(
            {
                "data": [
                    {
                        "id": p.code,
                        "base": p.base_id,
                        "quote": p.quote_id,
                        "tick": money.text(p.tick),
                        "step": money.text(p.step),
                        "min_quantity": money.text(p.min_quantity),
                        "max_quantity": money.text(p.max_quantity),
                        "base_decimals": p.base.scale,
                        "quote_decimals": p.quote.scale,
                        "tenor": p.tenor,
                    }
                    for p in queries.list_pairs()
                ]
            }
        )


class Prices(Door):
    @documented("The top of the merged book: indicative", answer=PRICE, refusals={404: "not_found", 422: "price_unavailable"})
    def get(self, request: Request, instrument: str) -> HttpResponse:
        queries.get_pair(instrument)
        depth = bus.read_depth(instrument)
        if depth is None or not depth.is_dealable:
            raise NotFound(f"no price of {instrument} is published")
        return show(
            {
                "instrument": instrument,
                "firm": False,
                "bid": money.text(depth.bids[0].price),
                "ask": money.text(depth.asks[0].price),
                "mid": money.text(depth.mid),
                "as_of": stamp(depth.as_of),
            }
        )


class Time(Door):
    @documented("The clock that decides, and the one that signatures are held to", answer=obj({"desk": moment(""), "wall": moment("")}))
    def get(self, request: Request) -> HttpResponse:
        return show({"desk": stamp(clock.desk_now()), "wall": stamp(clock.wall_now())})
