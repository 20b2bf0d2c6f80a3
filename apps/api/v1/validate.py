"""Would a request for a price be heard? Every check of it at once, and nothing kept."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from apps.api.docs import documented
from apps.api.door import show
from apps.api.jsonbody import FieldError
from apps.api.shapes import array, decimal, moment, obj, text
from apps.core import clock, money
from apps.core.errors import AppError
from apps.pricing.rules.worth import usd_per
from apps.rfqs.queries import stamp
from apps.workflows.validate_rfq import Verdict, validate_rfq

from .rfqs import BODY, EXAMPLE, PricedDoor, to_ask

HEADROOM = obj(
    {
        "headroom_before": decimal("of the limit that binds"),
        "headroom_after": decimal("were it dealt"),
        "headroom_currency": text("its currency"),
        "binding": text("whose limit binds", enum=["GROUP", "CLIENT", "ACCOUNT", "BALANCE", "NONE"]),
        "binding_measure": text("which of its limits; not of a balance", enum=["PRE_SETTLEMENT", "SETTLEMENT", "DAILY", "DEAL"]),
    },
    "binding_measure",
)
PROBLEM = obj(
    {
        "status": {"type": "integer", "description": "of the answer, were it the only problem"},
        "code": text("listed in docs/errors.md; of a field that cannot be read, what is wrong with it"),
        "detail": text("what is wrong"),
        "retry": text("whether the same may be sent again", enum=["safe", "after", "never", "check_status"]),
        "pointer": text("RFC 6901: the member it is about"),
    },
    "pointer",
)
VERDICT = obj(
    {
        "valid": {"type": "boolean", "description": "it would not be refused"},
        "outcome": text("QUOTED: priced at once. RECEIVED: a person would price it", enum=["QUOTED", "RECEIVED", "REFUSED"]),
        "problems": array(PROBLEM) | {"description": "every one; a request is answered with the first"},
        "value_date": text("", format="date"),
        "cutoffs": {"type": "object", "additionalProperties": moment(""), "description": "of the value date, by asset"},
        "buy": HEADROOM,
        "sell": HEADROOM,
    },
    "value_date", "cutoffs", "buy", "sell",
)  # fmt: skip
_ROOM = {"headroom_before": "9500000", "headroom_after": "9450000", "headroom_currency": "USD", "binding": "CLIENT"}
ANSWER = {
    "valid": True,
    "outcome": "QUOTED",
    "problems": [],
    "value_date": "2026-09-16",
    "cutoffs": {"USD": "2026-09-16T21:00:00.000000Z"},
    "buy": _ROOM | {"binding_measure": "PRE_SETTLEMENT"},
}


class ValidateRfq(PricedDoor):
    scopes: ClassVar[dict[str, str]] = {"POST": "quote"}

    @documented(
        "Every check that this request would meet, all problems at once; nothing is stored or taken, and no id is used up",
        name="validate_rfq",
        body=BODY,
        answer=VERDICT,
        example=EXAMPLE,
        answer_example=ANSWER,
    )
    def post(self, request: Request) -> HttpResponse:
        asked, faults = BODY.examine(request._request.body)
        ask = to_ask(asked)
        depth = self.depth(request, ask.pair)
        verdict = validate_rfq(
            actor=self.actor,
            account_id=asked["account_id"],
            ask=ask,
            is_whole=not faults,
            depth=depth,
            usd_per_quote=usd_per(ask.pair.rpartition("-")[2], depth),
            shares=self.planned(asked).get("shares", ()),
            now=clock.desk_now(),
        )
        return show(_describe(verdict, faults))


def _describe(verdict: Verdict, faults: Iterable[FieldError]) -> dict[str, Any]:
    problems = [{"status": 400, "retry": "never", **fault.as_dict()} for fault in faults] + [_problem(no) for no in verdict.problems]
    out: dict[str, Any] = {"valid": not problems, "outcome": "REFUSED" if problems else verdict.outcome, "problems": problems}
    if verdict.settles is not None:
        out["value_date"] = verdict.settles.day.isoformat()
        out["cutoffs"] = {asset: stamp(at) for asset, at in verdict.settles.cutoffs}
    for side, room in verdict.headroom.items():
        out[str(side)] = {
            "headroom_before": money.text(room.before),
            "headroom_after": money.text(room.after),
            "headroom_currency": room.currency,
            "binding": room.binding,
        } | ({"binding_measure": room.measure} if room.measure else {})
    return out


def _problem(no: AppError) -> dict[str, Any]:
    out = {"status": no.status, "code": no.code, "detail": no.detail, "retry": no.retry}
    return out | ({"pointer": str(no.extra["pointer"])} if "pointer" in no.extra else {})
