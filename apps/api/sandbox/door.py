"""Round every signed request of a sandbox (settings.API_MIDDLEWARE): does what its scenario says round the platform's own answer.

Nothing behind it knows of scenarios: the platform sees another book, the simulated people read a note, a refusal is given at the door.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import cache, partial

import orjson
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.api import problems
from apps.api.door import instead
from apps.api.errors_page import rows
from apps.api.jsonbody import peek
from apps.core import actor, ids
from apps.core.errors import AppError, Conflict, Rejected
from apps.pricing.feeds import bus
from apps.pricing.rules import Composite, Level
from apps.workflows.stage_test_client import refuse

from . import notes
from .scenarios import SCENARIOS, Kind, Scenario, of_quantity

HEADER = "Flowdesk-Scenario"
SLOW_S = 3
_AGAIN = frozenset({"safe", "after", "check_status"})
_GRAIN = Decimal("0.00000001")  # what a thin book holds
_HOUR = timedelta(hours=1)


class Scenarios:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        named = request.headers.get(HEADER, "")
        scenario = SCENARIOS.get(named) if named else _magic(request)
        if named and scenario is None:
            return _problem(400, "invalid_request", "The request is not valid", f"{HEADER}: no scenario {named[:60]!r}")
        if scenario is None:
            return self.get_response(request)
        return self._play(scenario, request)

    def _play(self, scenario: Scenario, request: HttpRequest) -> HttpResponseBase:
        match scenario.kind:
            case Kind.REFUSAL:
                row = next(row for row in rows() if row["code"] == scenario.name)
                if (answer := self._refused(scenario.name, request)) is not None:
                    return answer
                if row["retry"] in _AGAIN and not _is_first(request):
                    return self.get_response(request)
                title, _, detail = row["meaning"].partition(". ")
                return _problem(int(row["status"]), scenario.name, title, detail or title, retry=row["retry"])
            case Kind.ANSWER:
                return self._answer(scenario, request)
            case Kind.BOOK:
                return self._seen_through(_LENSES[scenario.name], request)
            case Kind.DESK:
                answer = self._seen_through(_thin, request)
                _note("desk", "id", "rfq", scenario, answer)
                return answer
            case _:
                answer = self.get_response(request)
                _note(scenario.kind.name, "account_id", "acc", scenario, answer)
                return answer

    def _refused(self, code: str, request: HttpRequest) -> HttpResponseBase | None:
        """The platform's own answer with this refusal in place of what was asked for: stored, and with its event.

        It stands whatever it is: what ended the request before that, such as its signature, its body, a scope, a rate or an answer stored
        under its key. None: not refused by a rule of the desk, so nothing was sent.
        """
        kind = _decided().get(code)
        if kind is None or request.method != "POST":
            return None
        token = instead.set(partial(refuse, no=kind(scenario=True)))
        try:
            return self.get_response(request)
        finally:
            instead.reset(token)

    def _answer(self, scenario: Scenario, request: HttpRequest) -> HttpResponseBase:
        if not _is_first(request):
            return self.get_response(request)
        if scenario.name == "slow_answer":
            time.sleep(SLOW_S)
            return self.get_response(request)
        if scenario.name == "outcome_unknown":
            self.get_response(request)
        return _problem(503, "outcome_unknown", "The outcome is not known", "ask what became of it first", retry="check_status")

    def _seen_through(self, lens: bus.Lens, request: HttpRequest) -> HttpResponseBase:
        token = bus.lens.set(lens)
        try:
            return self.get_response(request)
        finally:
            bus.lens.reset(token)


@cache
def _decided() -> dict[str, type[Conflict] | type[Rejected]]:
    """Refusals by a rule of the desk, by code: they are stored under their idempotency key."""
    found: dict[str, type[Conflict] | type[Rejected]] = {}
    kinds: list[type[Conflict] | type[Rejected]] = [Conflict, Rejected]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind.code != "idempotency_in_progress" and kind.__init__ is AppError.__init__:
            found[kind.code] = kind
    return found


def _magic(request: HttpRequest) -> Scenario | None:
    if request.method != "POST" or not request.path.startswith(("/api/v1/rfqs", "/api/v1/orders")):
        return None
    return of_quantity(peek(request.body, "quantity"))


def _is_first(request: HttpRequest) -> bool:
    return notes.is_first(request.headers.get("Idempotency-Key", ""), request.path)


def _note(what: str, member: str, prefix: str, scenario: Scenario, answer: HttpResponseBase) -> None:
    """Leave a note about the request or account that a good answer names."""
    if answer.status_code not in {200, 201}:
        return
    said = orjson.loads(answer.content)  # type: ignore[attr-defined]
    if isinstance(said.get(member), str):
        notes.write(what, ids.decode(prefix, said[member]), scenario.name)


def _problem(status: int, code: str, title: str, detail: str, *, retry: str = "never") -> HttpResponseBase:
    request_id = ids.encode("req", ids.uuid7())
    with actor.acting(actor.SYSTEM, request_id):
        answer = problems.respond(problems.document(status, code, title, detail, retry=retry, scenario=True))
    answer["X-Request-Id"] = request_id
    return answer


# --- how a book looks ---------------------------------------------------------------------------------------------------
def _thin(depth: Composite | None) -> Composite | None:
    """Too little of it for any size: a person prices."""
    if depth is None:
        return None
    bids, asks = (tuple(Level(one.price, _GRAIN) for one in levels) for levels in (depth.bids, depth.asks))
    return replace(depth, bids=bids, asks=asks)


def _stale(depth: Composite | None) -> Composite | None:
    if depth is None:
        return None
    return replace(depth, as_of=depth.as_of - _HOUR, sources=tuple(replace(one, at=one.at - _HOUR) for one in depth.sources))


def _none(_: Composite | None) -> Composite | None:
    return None


def _away(depth: Composite | None) -> Composite | None:
    """Bids a tenth lower, asks a tenth higher."""
    if depth is None:
        return None
    bids = tuple(Level(one.price * 9 / 10, one.quantity) for one in depth.bids)
    return replace(depth, bids=bids, asks=tuple(Level(one.price * 11 / 10, one.quantity) for one in depth.asks))


_LENSES: dict[str, bus.Lens] = {"price_stale": _stale, "price_unavailable": _none, "price_away": _away}
