"""Commands over a socket: each is the REST request of the same name, answered by the same view in a thread of its own.

So tables, scopes, counters, idempotent answers and errors cannot differ: the envelope is all that is new. A key used here and over
REST is one key, and the same body under it is the same request.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar, cast
from uuid import UUID

import orjson
from django.conf import settings
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from apps.api import auth
from apps.api.door import Caller, Door
from apps.api.signing import Signed
from apps.api.v1 import orders, quotes, rfqs
from apps.core import actor as acting
from apps.core import ids, valkey
from apps.core.actor import Actor
from apps.core.errors import Conflict, Forbidden, NotFound, Rejected
from apps.workflows.end_quote import cancel_rfq

from .messages import MESSAGES, Said
from .peer import Peer

logger = logging.getLogger(__name__)
T = TypeVar("T")
threads = ThreadPoolExecutor(max_workers=6, thread_name_prefix="live-command")


class ProvenAtTheHandshake(BaseAuthentication):
    """The key signed the Upgrade request; whether it still may is read anew for each command."""

    def authenticate(self, request: Request) -> tuple[Caller, None]:
        plain = cast(_SocketRequest, request._request)
        grant = auth.find_known(plain.peer.key_id, plain.META["REMOTE_ADDR"])
        door = cast(Door, request.parser_context["view"])
        valkey.ahead(door.ahead(request, grant))
        return Caller(grant, Signed(grant.key_id, 0, "", plain.idempotency_key, b"", b"")), None


class _SocketRequest(HttpRequest):
    """The request that the message stands for."""

    def __init__(self, peer: Peer, method: str, path: str, body: bytes, idempotency_key: str | None, target: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.peer, self.idempotency_key, self.target = peer, idempotency_key, target
        self.method, self.path, self.path_info = method, path, path
        self.META = {"REMOTE_ADDR": peer.ip, "QUERY_STRING": "", "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body))}
        if idempotency_key is not None:
            self.META["HTTP_IDEMPOTENCY_KEY"] = f'"{idempotency_key}"'
        if peer.scenario:
            self.META["HTTP_FLOWDESK_SCENARIO"] = peer.scenario
        self._body = body


def _view(door: type[Door]) -> Callable[..., HttpResponse]:
    return cast(Callable[..., HttpResponse], door.as_view(authentication_classes=(ProvenAtTheHandshake,)))


_VIEWS: Mapping[str, Callable[..., HttpResponse]] = {
    "rfq": _view(rfqs.Rfqs),
    "accept": _view(quotes.AcceptQuote),
    "decline": _view(quotes.DeclineQuote),
    "counter": _view(quotes.CounterQuote),
    "order": _view(orders.Orders),
    "cancel": _view(rfqs.CancelRfq),
}
_ONE_RFQ = _view(rfqs.OneRfq)


@cache
def _way(op: str) -> Callable[[_SocketRequest], HttpResponse]:
    """To the view of a command, through what stands before the views of REST too (settings.API_MIDDLEWARE)."""

    def way(request: _SocketRequest) -> HttpResponse:
        return _VIEWS[op](request, *request.target)

    for name in settings.API_MIDDLEWARE:
        way = import_string(name)(way)
    return way


async def run(peer: Peer, said: Said) -> HttpResponse:
    """Do what a command asks; its answer, as REST would have given it."""
    command = MESSAGES[said.op].command
    assert command is not None
    target = (said.members[command.target],) if command.target else ()
    request = _SocketRequest(peer, "POST", command.path.format(*target), said.body, said.members["idempotency_key"], target)
    return await in_thread(_way(said.op), request)


async def read_rfq(peer: Peer, rfq_id: str) -> HttpResponse:
    """A request with its last quote, as `GET /api/v1/rfqs/{id}` shows it."""
    return await in_thread(_ONE_RFQ, _SocketRequest(peer, "GET", f"/api/v1/rfqs/{rfq_id}", b"", None), rfq_id)


async def cancel_open(actor: Actor, rfq_ids: list[UUID]) -> None:
    """Take back what was asked over a socket that is gone. What ended before is left as it is."""
    for rfq_id in rfq_ids:
        try:
            await in_thread(_cancel, actor, rfq_id)
        except (Conflict, Rejected, NotFound, Forbidden):
            continue
        except Exception:
            logger.exception("live: the request %s could not be cancelled; it ends by itself", rfq_id)


def _cancel(actor: Actor, rfq_id: UUID) -> None:
    with acting.acting(actor, ids.encode("req", ids.uuid7())):
        cancel_rfq(actor=actor, rfq_id=rfq_id)


def answer(said: Said, reply: HttpResponse) -> bytes:
    """The frame of an answer; its body goes in byte for byte."""
    head: dict[str, Any] = {
        "op": "answer",
        "to": said.op,
        "id": said.members["id"],
        "status": reply.status_code,
        "replayed": reply.get("Idempotency-Replayed") == "true",
        "request_id": reply.get("X-Request-Id", ""),
    }
    if "Retry-After" in reply:
        head["retry_after"] = int(reply["Retry-After"])
    return orjson.dumps(head)[:-1] + b',"body":' + reply.content + b"}"


async def in_thread(ask: Callable[..., T], *args: Any) -> T:
    """Run something that uses Django's database outside the loop; its connection goes back to the pool."""

    def call() -> T:
        try:
            return ask(*args)
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(threads, call)
