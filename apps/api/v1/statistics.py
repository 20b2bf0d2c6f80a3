"""How often you asked, dealt and were refused, and how fast we answered."""

from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import Door, show
from apps.api.jsonbody import FieldError, InvalidBody
from apps.api.shapes import Choice, Instant, Reference, array, moment, obj, read_query, text
from apps.clients import queries as clients
from apps.core import clock, money
from apps.reports.queries import statistics as queries
from apps.reports.queries.statistics import Sum
from apps.reports.rules.statistics import TIMES, percentile
from apps.rfqs.errors import NotEntitled
from apps.rfqs.queries import stamp

HOUR = timedelta(hours=1)
LONGEST = {"instrument": timedelta(days=400), "hour": timedelta(days=31)}
COUNT = {"type": "integer"}
TIMED = obj(
    {
        "count": COUNT,
        "p50_us": {"type": ["integer", "null"], "description": "microseconds, within 3.2 % of the exact percentile"},
        "p99_us": {"type": ["integer", "null"]},
    }
)
RATIO = {"type": ["string", "null"], "format": "decimal", "description": "to 4 decimals; null where there is nothing to divide by"}
ROW = obj(
    {
        "instrument": text("e.g. BTC-USD; - for requests that named none we know"),
        "hour": moment("its beginning; with group=hour only"),
        "requests": COUNT,
        "priced_by_person": COUNT,
        "quoted": {"type": "integer", "description": "requests that had a firm price"},
        "quotes": {"type": "integer", "description": "firm prices, each next one of a request counted"},
        "deals": COUNT,
        "declined": COUNT,
        "cancelled": COUNT,
        "expired": COUNT,
        "rejected": {"type": "integer", "description": "requests that a person rejected"},
        "withdrawn": {"type": "integer", "description": "quotes that we took back"},
        "refused": {"type": "integer", "description": "requests and orders refused by a rule"},
        "accepts_refused": {"type": "integer", "description": "e.g. because they came too late; with them orders whose limit was not met"},
        "hit_ratio": RATIO | {"description": "deals / quoted"},
        "reject_ratio": RATIO | {"description": "(refused + rejected) / (requests + refused)"},
        "reasons": {"type": "object", "additionalProperties": COUNT, "description": "e.g. rfq.credit_exceeded, accept.quote_expired"},
        "response_times": obj(dict.fromkeys(TIMES, TIMED)) | {"description": "of an automatic quote, a person's first quote, an accept"},
    },
    "hour",
)
QUERY = {
    "from": Instant("rounded down to its hour; 24 hours before `to` without it"),
    "to": Instant("rounded up to its hour; the end of the running one without it"),
    "instrument": Reference("only this", "BTC-USD"),
    "group": Choice("what a row is of", "instrument", among=("instrument", "hour")),
}
EXAMPLE = {
    "from": "2026-09-14T13:00:00.000000Z",
    "to": "2026-09-15T13:00:00.000000Z",
    "data": [
        {
            "instrument": "BTC-USD", "requests": 40, "priced_by_person": 2, "quoted": 39, "quotes": 41, "deals": 13, "declined": 4,
            "cancelled": 1, "expired": 22, "rejected": 0, "withdrawn": 0, "refused": 3, "accepts_refused": 1,
            "hit_ratio": "0.3333", "reject_ratio": "0.0698", "reasons": {"rfq.credit_exceeded": 3, "accept.quote_expired": 1},
            "response_times": {
                "auto": {"count": 38, "p50_us": 4223, "p99_us": 9215}, "desk": {"count": 1, "p50_us": 18350079, "p99_us": 18350079},
                "accept": {"count": 13, "p50_us": 6015, "p99_us": 8447},
            },
        }
    ],
}  # fmt: skip


class Statistics(Door):
    @documented(
        "Sums of your requests and deals, with ratios and response times",
        answer=obj({"from": moment("inclusive"), "to": moment("exclusive"), "data": array(ROW)}),
        query=QUERY,
        refusals={422: "not_entitled: the key names only some accounts of the client"},
        answer_example=EXAMPLE,
    )
    def get(self, request: Request) -> HttpResponse:
        query = read_query(request.query_params, QUERY)
        client_id = self.actor.client_id
        assert client_id is not None
        if not clients.names_all_accounts(self.actor):
            raise NotEntitled("statistics are of the whole client; this key names only some of its accounts")
        group = query["group"] or "instrument"
        until = _hour(query["to"] + HOUR - timedelta(microseconds=1)) if query["to"] else _hour(clock.desk_now()) + HOUR
        since = _hour(query["from"] or until - timedelta(days=1))
        if not since < until or until - since > LONGEST[group]:
            raise InvalidBody([FieldError("?from", "out_of_range", f"before `to`, by at most {LONGEST[group].days} days")])
        sums = queries.list_sums(since=since, until=until, client_id=client_id, pair=query["instrument"] or "", by_hour=group == "hour")
        return show({"from": stamp(since), "to": stamp(until), "data": [_describe(one) for one in sums]})


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _describe(one: Sum) -> dict[str, Any]:
    tally, counts = one.tally, one.tally.counts
    plain = ("requests", "quoted", "quotes", "deals", "declined", "cancelled", "expired", "rejected", "withdrawn", "refused")
    hit, reject = tally.hit_ratio, tally.reject_ratio
    out: dict[str, Any] = {"instrument": one.pair} | ({"hour": stamp(one.hour)} if one.hour else {})
    out |= {name: counts[name] for name in plain} | {"priced_by_person": counts["to_person"], "accepts_refused": counts["missed"]}
    out |= {"hit_ratio": None if hit is None else money.text(hit), "reject_ratio": None if reject is None else money.text(reject)}
    out["reasons"] = dict(sorted(tally.reasons.items()))
    out["response_times"] = {name: _times(tally.histogram(name)) for name in TIMES}
    return out


def _times(histogram: dict[int, int]) -> dict[str, int | None]:
    return {
        "count": sum(histogram.values()),
        "p50_us": percentile(histogram, Fraction(1, 2)),
        "p99_us": percentile(histogram, Fraction(99, 100)),
    }
