"""Commands over the socket, without input or output: which REST request each stands for, what an answer means. Shared by both clients."""

import json
import re
import secrets
import time
from datetime import UTC, datetime
from typing import Any

import httpx

from .errors import FlowdeskError, LiveClosed
from .following import FOR_GOOD, REAUTH_S, Following, Frame
from .keys import Key
from .sending import Call, Clock
from .signing import sign
from .wire import Number, encode, loads

# A request of REST → the command that is the same request over the socket, and what its target is called there.
COMMANDS = (
    (re.compile(r"/api/v1/rfqs"), "rfq", ""),
    (re.compile(r"/api/v1/orders"), "order", ""),
    (re.compile(r"/api/v1/quotes/([^/]+)/(accept|decline|counter)"), "", "quote_id"),
    (re.compile(r"/api/v1/rfqs/([^/]+)/cancel"), "cancel", "rfq_id"),
)
OURS = FOR_GOOD - {4401, 4403, 4408}  # closed for what we said; of the others the next handshake says why
KEPT = 1000  # frames of a channel that nobody has taken yet: the oldest go first


class Conversation(Following):
    """What is said and heard over one socket after another: commands with their answers, and channels."""

    def __init__(self, url: str, key: Key, *, cancel_on_disconnect: bool, max_wait_s: float) -> None:
        super().__init__(url, key, after_seq=None, events=False, snapshot=False, channels=(), reauth_s=REAUTH_S)
        self.clock, self.max_wait_s = Clock(), max_wait_s
        self._cancels = cancel_on_disconnect
        self.subscriptions: dict[str, dict[str, Any]] = {"status": {"op": "sub", "ch": "status"}}  # a socket that hears nothing is closed

    def greetings(self) -> list[str]:
        super().greetings()
        said: list[dict[str, Any]] = [{"op": "options", "cancel_on_disconnect": True}] if self._cancels else []
        return [json.dumps(one) for one in [*said, *self.subscriptions.values()]]

    def subscribe(self, ch: str, sizes: tuple[Number, ...]) -> str:
        """What to say to hear a channel; said again on each new socket."""
        asked: dict[str, Any] = {"op": "sub", "ch": ch}
        if sizes:
            asked["sizes"] = [str(encode(size)) for size in sizes]
        self.subscriptions[ch] = asked
        return json.dumps(asked)

    def command(self, method: str, path: str, body: Any, idempotency_key: str) -> tuple[Call, str, dict[str, Any]]:
        """A call, the id of its answer, and the message; its body goes in as the call has it.

        :raises FlowdeskError: no command of the socket
        """
        call = Call(self.key, self.clock, method, path, body=body, idempotency_key=idempotency_key, max_wait_s=self.max_wait_s)
        for shape, op, target in COMMANDS:
            if method == "POST" and (found := shape.fullmatch(path)):
                named = {target: found[1]} if target else {}
                message = {"op": op or found[2], "id": secrets.token_hex(8), "idempotency_key": call.idempotency_key, **named}
                return call, message["id"], message
        raise FlowdeskError(f"{method} {path} is no command of the socket")

    def text_of(self, call: Call, message: dict[str, Any]) -> str:
        """The message as it is sent."""
        call.sent_at = datetime.fromtimestamp(self.clock.now(), UTC)
        return f'{json.dumps(message)[:-1]},"body":{(call.content or b"{}").decode()}}}'

    def take(self, raw: str | bytes) -> tuple[str, Any] | None:
        """What was heard: ``(id, answer)`` of a command, ``(channel, frame or what ended it)`` of a channel; None of all else.

        :raises ConnectionError: rubbish: what comes after it on this socket cannot be trusted either
        """
        self._heard_at = time.monotonic()
        try:
            told = self._told(loads(raw))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as no:
            raise ConnectionError(f"a frame that is not what the API says: {no!r}") from no
        if told is not None and not isinstance(told[1], Exception):
            self._failures = 0
        return told

    def _told(self, message: Any) -> tuple[str, Any] | None:
        op = message.get("op")
        if op is None:
            return str(message["ch"]), Frame(message["ch"], message["seq"], message["ts"], message["type"], message["id"], message["data"])
        if op == "answer":
            headers = {"retry-after": str(message["retry_after"])} if "retry_after" in message else {}
            return str(message["id"]), httpx.Response(int(message["status"]), headers=headers, content=json.dumps(message["body"]).encode())
        if op == "error":
            return str(message.get("id") or message.get("ch", "")), LiveClosed(4400, f"{message.get('code')}: {message.get('detail')}")
        return None

    def _signature(self) -> dict[str, str]:
        return sign(self.key, method="GET", host=self._host, path=self._path, created=int(self.clock.now()))


def refused_handshake(status: int, headers: Any, body: bytes | bytearray | None) -> httpx.Response:
    """A handshake's refusal as an answer to the command that needed the socket."""
    known = {name: headers[name] for name in ("date", "retry-after") if name in headers}
    return httpx.Response(status, headers=known, content=bytes(body or b"{}"))


def require_not_ours(code: int, reason: str) -> None:
    """:raises LiveClosed: the socket was closed for what we said: to say it again would end the same way"""
    if code in OURS:
        raise LiveClosed(code, reason)
