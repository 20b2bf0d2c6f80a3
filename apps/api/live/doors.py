"""The two doors for sockets: clients by signature, our own people by session cookie and Origin. All refusals come before the handshake."""

import asyncio
import functools
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib import auth as django_auth
from django.db import Error as DatabaseError
from django.db import close_old_connections
from django.http import HttpRequest

from apps.api import auth, peers, signing
from apps.clients import queries as clients
from apps.core import ids
from apps.core.errors import Forbidden
from apps.users.rules import ROLES

from . import frames
from .hub import Hub
from .peer import Peer
from .protocol import Socket, now_ms
from .session import Session

logger = logging.getLogger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
_threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="live-door")


class Refusal(Exception):
    """An HTTP answer in place of a handshake."""

    def __init__(self, status: int, code: str, title: str, detail: str, retry: str = "never") -> None:
        super().__init__(detail)
        self.status, self.request_id = status, ids.encode("req", ids.uuid7())
        self.body = frames.problem(status, code, title, detail, retry, self.request_id)
        self.headers = [(b"content-type", b"application/problem+json"), (b"cache-control", b"no-store")]
        if status in {429, 503}:
            self.headers.append((b"retry-after", b"1"))


class Attempts:
    """Bad handshakes of an address: a bucket of 20 that refills by one a second. Only failures are counted, before any crypto."""

    BURST, KEPT = 20, 10_000

    def __init__(self) -> None:
        self._spent: OrderedDict[str, tuple[int, int]] = OrderedDict()  # address: (failures, at ms)

    def are_spent(self, ip: str) -> bool:
        return self._failures(ip) >= self.BURST

    def fail(self, ip: str) -> None:
        self._spent[ip] = (self._failures(ip) + 1, now_ms())
        self._spent.move_to_end(ip)
        if len(self._spent) > self.KEPT:
            self._spent.popitem(last=False)

    def _failures(self, ip: str) -> int:
        failures, at = self._spent.get(ip, (0, 0))
        return max(0, failures - (now_ms() - at) // 1000)


class Doors:
    """ASGI applications for ``/ws/v1/`` and ``/ws/desk/`` over one hub."""

    def __init__(self, hub: Hub) -> None:
        self.hub, self._attempts = hub, Attempts()
        hub.prove_again = self.prove_again

    async def clients(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._serve(scope, receive, send, self._client)

    async def desk(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._serve(scope, receive, send, self._staff)

    async def nowhere(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await _refuse(send, Refusal(404, "not_found", "Not found", "no socket is served here"))

    async def _serve(self, scope: Scope, receive: Receive, send: Send, identify: Callable[[Scope, str], Awaitable[Peer]]) -> None:
        await receive()  # websocket.connect
        ip = _ip(scope)
        seat: str | None = None
        peer = Peer()
        try:
            try:
                if self._attempts.are_spent(ip):
                    raise Refusal(429, "rate_limited", "Too many requests", "too many refused handshakes from this address", "after")
                peer = await identify(scope, ip)
                seat = await self.hub.seats.take(peer.seat_name)
                if seat is None:
                    raise Refusal(429, "too_many_sockets", "Too many sockets", f"at most {frames.SOCKETS_PER_KEY} at a time", "after")
            except Refusal as no:
                if no.status in {401, 403}:
                    self._attempts.fail(ip)
                logger.info("live: %s from %s refused: %d %s", no.request_id, ip, no.status, no)
                await _refuse(send, no)
                return
            await self._run(scope["flowdesk.socket"], peer, receive, send)
        finally:
            if seat is not None:
                await self.hub.seats.give_back(peer.seat_name, seat)

    async def _run(self, socket: Socket, peer: Peer, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept", "subprotocol": frames.SUBPROTOCOL})
        if socket.state != socket.STATE_OPEN:
            return  # it went away while its key was being read
        session = Session(self.hub, socket, peer)
        self.hub.sessions.add(session)
        try:
            while (message := await receive())["type"] == "websocket.receive":
                await session.take(message["text"])
        except Exception:
            logger.exception("live: %s", session.name)
            socket.finish(frames.Close.INTERNAL)
        finally:
            self.hub.sessions.discard(session)
            session.end()

    # --- who is it ----------------------------------------------------------------------------------------------------
    async def _client(self, scope: Scope, ip: str) -> Peer:
        headers = _headers(scope)
        _require_subprotocol(scope)
        line = (headers.get("host", ""), scope["raw_path"].decode("ascii"), scope["query_string"].decode("ascii"))
        try:
            peer = await _in_thread(_prove, headers, line, ip)
        except signing.InvalidSignature as no:
            logger.info("live: signature refused from %s: %s", ip, no.cause)
            raise Refusal(401, no.code, "Invalid signature", "the request is not signed by the profile otc-v1 with a valid key") from None
        except Forbidden as no:
            raise Refusal(403, no.code, no.title, no.detail) from None
        except DatabaseError:
            raise Refusal(503, "busy", "Busy, try again", "keys cannot be read now", "safe") from None
        found: Peer = peer
        assert found.actor is not None
        if "read" not in found.actor.scopes:
            raise Refusal(403, "scope_missing", "Not allowed", "the key lacks the scope read")
        return found

    async def prove_again(self, peer: Peer, signature_input: str, signature: str) -> bool:
        """Whether the handshake's request line was signed anew by the same key, which still may."""
        if self._attempts.are_spent(peer.ip):
            return False
        try:
            again = await _in_thread(_prove, {"signature-input": signature_input, "signature": signature}, peer.line, peer.ip)
        except (signing.InvalidSignature, Forbidden, DatabaseError) as no:
            logger.info("live: %s did not prove itself again: %s", peer.seat_name, no)
            self._attempts.fail(peer.ip)
            return False
        return bool(again.key_id == peer.key_id)

    async def _staff(self, scope: Scope, ip: str) -> Peer:
        headers = _headers(scope)
        if headers.get("origin", "") not in settings.DESK_ORIGINS:
            raise Refusal(403, "origin_not_allowed", "Not allowed", "this page may not open the desk's socket")
        _require_subprotocol(scope)
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME)
        except CookieError:
            cookie = None
        if cookie is None or not cookie.value:
            raise Refusal(401, "not_authenticated", "Not signed in", "sign in first")
        try:
            user_id, has_role = await _in_thread(_person, cookie.value)
        except DatabaseError:
            raise Refusal(503, "busy", "Busy, try again", "sessions cannot be read now", "safe") from None
        if not user_id:
            raise Refusal(401, "not_authenticated", "Not signed in", "sign in first")
        if not has_role:
            raise Refusal(403, "forbidden", "Not allowed", "the desk's socket is for staff with a role")
        return Peer(session_key=cookie.value, user_id=user_id, ip=ip)


def _prove(headers: dict[str, str], line: tuple[str, str, str], ip: str) -> Peer:
    """Who signed this request line.

    :raises InvalidSignature, Forbidden: as of a REST request
    """
    host, path, query = line
    signed = signing.parse(
        headers=headers,
        method="GET",
        authority=host,
        path=path,
        query=query,
        body=b"",
        authorities=auth.authorities(),
        now=int(time.time()),
    )
    actor = auth.authenticate(signed, ip)
    whole = clients.names_all_accounts(actor)
    return Peer(actor=actor, whole=whole, ip=ip, line=line, scenario=headers.get("flowdesk-scenario", ""))


def _person(session_key: str) -> tuple[str, bool]:
    """The id of whoever is signed in with this session ("" for nobody), and whether they are staff with a role."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = django_auth.get_user(request)
    if not user.is_authenticated or not user.is_active:
        return "", False
    return str(user.pk), bool(user.is_staff and user.roles & frozenset(ROLES))


async def _in_thread(ask: Callable[..., Any], *args: Any) -> Any:
    """Run something that uses Django's database in our own threads, so that one slow statement does not hold up the others."""

    def run() -> Any:
        try:
            return ask(*args)
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(_threads, functools.partial(run))


def _require_subprotocol(scope: Scope) -> None:
    if frames.SUBPROTOCOL not in scope["subprotocols"]:
        raise Refusal(400, "unknown_subprotocol", "Unknown subprotocol", f"offer {frames.SUBPROTOCOL}")


def _headers(scope: Scope) -> dict[str, str]:
    """By lower-case name; one sent twice is joined by a comma, so that no reader can prefer either."""
    headers: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name, text = raw.decode("latin-1"), value.decode("latin-1")
        headers[name] = f"{headers[name]},{text}" if name in headers else text
    return headers


def _ip(scope: Scope) -> str:
    peer = scope["client"][0] if scope.get("client") else ""
    return peers.client_ip(peer, _headers(scope).get("x-forwarded-for", ""), settings.TRUSTED_PROXY_HOPS)


async def _refuse(send: Send, no: Refusal) -> None:
    await send({"type": "websocket.http.response.start", "status": no.status, "headers": no.headers})
    await send({"type": "websocket.http.response.body", "body": no.body})
