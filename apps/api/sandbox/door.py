"""Round every signed request of a sandbox (settings.API_MIDDLEWARE): does what its scenario says round the platform's own answer.

Nothing behind it knows of scenarios: the platform sees another request, book, line or clock and refuses by itself, the simulated people
read a note; what nothing in a sandbox can bring about is refused in its place.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import cache, partial
from hashlib import sha256
from ipaddress import IPv6Address
from typing import Any, TypeVar

import orjson
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.api import problems
from apps.api.auth import request_ip
from apps.api.door import around
from apps.api.errors_page import rows
from apps.api.jsonbody import MAX_BYTES, peek
from apps.core import actor, ids
from apps.core.errors import AppError, Conflict, Forbidden, Rejected
from apps.pricing.feeds import bus
from apps.pricing.rules import Composite, Level
from apps.workflows.stage_asked import NotBefallen
from apps.workflows.stage_cause import CAUSES, befall, refuse

from . import notes
from .scenarios import SCENARIOS, Kind, Scenario, of_quantity

log = logging.getLogger(__name__)
E = TypeVar("E", bound=AppError)
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
                return self._refuse(scenario.name, request)
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

    def _refuse(self, code: str, request: HttpRequest) -> HttpResponseBase:
        """Refused by its cause where one can be brought about, else in its place.

        What ends the request before that stands: its signature, its body, a scope, a rate, or an answer stored under its key.
        """
        row = next(row for row in rows() if row["code"] == code)
        if row["retry"] in _AGAIN and not _is_first(request):
            return self.get_response(request)
        if code in _TAMPERED and ("HTTP_SIGNATURE" in request.META or code not in _OF_SIGNATURE):
            _TAMPERED[code](request)
            request.__dict__.pop("headers", None)  # Django keeps what it read of them
            return self.get_response(request)
        if request.method not in {"GET", "HEAD"} and (code in CAUSES or code in _decided()):
            called: list[Any] = []
            token = around.set(partial(_caused, code=code, called=called))
            try:
                answer = self.get_response(request)
            finally:
                around.reset(token)
            if called or answer.status_code >= 400:
                return answer  # else it writes nothing, and no use case was there to refuse
        title, _, detail = row["meaning"].partition(". ")
        return _problem(int(row["status"]), code, title, detail or title, retry=row["retry"])

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


def _caused(*, call: Callable[..., Any], code: str, called: list[Any], once: Any, **asked: Any) -> Any:
    """The use case of a request under the cause of a refusal; where that does not befall it, the refusal in its place.

    :param called: is told of the use case
    """
    called.append(call)
    if code in CAUSES:
        try:
            return befall(call=call, code=code, once=once, **asked)
        except NotBefallen as no:
            log.info("sandbox: no cause for %s: %s", code, no.__cause__ or no)
            if code in _forbidden():
                raise _forbidden()[code](scenario="in_its_place") from no
            if code not in _decided():
                return call(once=once, **asked)
    return refuse(no=_decided()[code](scenario="in_its_place"), once=once, **asked)


def _come_from_elsewhere(request: HttpRequest) -> None:
    """From an address of 2001:db8::/32, which is nobody's (RFC 3849): one for each address that testers come from, so that what one of them
    does to its allowance is not another's."""
    place = sha256(request_ip(request).encode()).digest()[:12]
    elsewhere = str(IPv6Address(bytes.fromhex("20010db8") + place))
    request.META.update(REMOTE_ADDR=elsewhere, HTTP_X_FORWARDED_FOR=elsewhere)


def _damage_signature(request: HttpRequest) -> None:
    """Its first character is another one."""
    label, begins, rest = request.META.get("HTTP_SIGNATURE", "").partition(":")
    request.META["HTTP_SIGNATURE"] = label + begins + ("A" if rest[:1] != "A" else "B") + rest[1:]


def _tamper(**as_if: str) -> Callable[[HttpRequest], None]:
    return lambda request: request.META.update(as_if)


# What the way to us could do to a request: it comes in otherwise than it was sent, and the platform says what is wrong with it.
_TAMPERED: dict[str, Callable[[HttpRequest], None]] = {
    "invalid_signature": _damage_signature,
    "length_required": _tamper(CONTENT_LENGTH=""),
    "body_too_large": _tamper(CONTENT_LENGTH=str(MAX_BYTES + 1)),
    "unsupported_media_type": _tamper(HTTP_CONTENT_ENCODING="gzip"),
    "not_acceptable": _tamper(HTTP_ACCEPT="text/html"),
    "ip_not_allowed": _come_from_elsewhere,
}
_OF_SIGNATURE = {"invalid_signature"}  # a command over a socket has none: what is forced on it is given at the door


@cache
def _decided() -> dict[str, type[Conflict] | type[Rejected]]:
    """Refusals by a rule of the desk, by code: they are stored under their idempotency key."""
    found: dict[str, type[Conflict] | type[Rejected]] = {**_kinds(Conflict), **_kinds(Rejected)}
    for code in ("idempotency_in_progress", "idempotency_key_reused"):  # nothing of the request is stored with these
        found.pop(code, None)
    return found


@cache
def _forbidden() -> dict[str, type[Forbidden]]:
    return _kinds(Forbidden)


def _kinds(root: type[E]) -> dict[str, type[E]]:
    """A class of refusals and those below it, by code, that are made without more."""
    found: dict[str, type[E]] = {}
    kinds = [root]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind.__init__ is AppError.__init__:
            found[kind.code] = kind
    return found


def _magic(request: HttpRequest) -> Scenario | None:
    if request.method != "POST" or not request.path.startswith(("/api/v1/rfqs", "/api/v1/orders")):
        return None
    return of_quantity(peek(request.body, "quantity"))


def _is_first(request: HttpRequest) -> bool:
    peer = getattr(request, "peer", None)  # of a command over a socket
    signer = request.headers.get("Signature-Input", "").partition('keyid="')[2].partition('"')[0]
    who = signer if peer is None else peer.key_id  # testers may choose the same key
    return notes.is_first(request.headers.get("Idempotency-Key", ""), f"{who}:{request.path}")


def _note(what: str, member: str, prefix: str, scenario: Scenario, answer: HttpResponseBase) -> None:
    """Leave a note about the request or account that a good answer names."""
    if answer.status_code not in {200, 201}:
        return
    try:
        said = orjson.loads(answer.content)  # type: ignore[attr-defined]
        of = ids.decode(prefix, said[member])
    except (AttributeError, KeyError, TypeError, ValueError):  # a file, a stream, or about something else: nothing of it can be forced
        return
    notes.write(what, of, scenario.name)


def _problem(status: int, code: str, title: str, detail: str, *, retry: str = "never") -> HttpResponseBase:
    request_id = ids.encode("req", ids.uuid7())
    with actor.acting(actor.SYSTEM, request_id):
        answer = problems.respond(problems.document(status, code, title, detail, retry=retry, scenario="at_the_door"))
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
