"""The event stream's rules, without input or output: what to say, what was heard, when to come back. Shared by both clients."""

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from websockets.headers import build_host
from websockets.typing import Subprotocol

from .errors import FlowdeskError, LiveClosed, Refused
from .keys import Key
from .signing import sign
from .wire import loads

SUBPROTOCOL = "otc.v1.json"
PATH = "/ws/v1/"
FOR_GOOD = frozenset({4400, 4401, 4403, 4408, 4409, 4413, 4429})  # a new connection would end the same way
ACK_EVERY, ACK_S, SILENCE_S = 64, 5, 15
REAUTH_S = 20 * 3600.0  # a session lives 23 hours


@dataclass(frozen=True, slots=True)
class Frame:
    """One thing that happened. ``seq`` counts by channel; on ``events`` it is gapless per client."""

    ch: str
    seq: int
    ts: str
    type: str
    id: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class HistoryLost:
    """What was missed is older than streams go back. Snapshots of all that is open follow; the stream goes on after ``last_seq``."""

    last_seq: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A part (rfqs, trades, balances, …) of one picture of all that is open, as of event ``last_seq``; rows are as REST has them.
    The last is ``complete`` and may be empty."""

    part: str
    data: list[dict[str, Any]]
    last_seq: int
    complete: bool


Heard = Frame | HistoryLost | Snapshot


class StreamBroken(FlowdeskError):
    """The server left a hole or repeated itself: never expected, never passed over."""


class Following:
    """Where a stream stands, over as many connections as it takes.

    :param url: scheme, host and port of the live server
    """

    def __init__(
        self,
        url: str,
        key: Key,
        *,
        after_seq: int | None,
        events: bool,
        snapshot: bool,
        channels: tuple[str, ...],
        reauth_s: float,
    ) -> None:
        self.url, self.key, self.last_seq = url.rstrip("/") + PATH, key, after_seq
        self._events, self._channels, self._reauth_s = events, channels, reauth_s
        self._wants_snapshot = snapshot  # until it is complete: a connection may end in the middle of one
        self._acked = 0
        self._failures = 0
        self._heard_at = self._acked_at = self._signed_at = time.monotonic()
        parts = urlsplit(self.url)
        self._secure, self._path = parts.scheme == "wss", parts.path
        self._host = build_host(parts.hostname or "", parts.port or (443 if self._secure else 80), self._secure)

    # --- a connection begins ------------------------------------------------------------------------------------------
    def connecting(self) -> dict[str, Any]:
        """What to connect with: the signed headers of the handshake and the limits."""
        return {
            "additional_headers": self._signature(),
            "subprotocols": [Subprotocol(SUBPROTOCOL)],
            "compression": None,
            "proxy": None,
            "open_timeout": 10,
            "close_timeout": 2,
            "max_size": 1024 * 1024,
        }

    def greetings(self) -> list[str]:
        """What to say first."""
        self._heard_at = self._acked_at = self._signed_at = time.monotonic()
        said: list[dict[str, Any]] = []
        if self._events:
            wanted: dict[str, Any] = {"op": "sub", "ch": "events"}
            if self._wants_snapshot:
                wanted["snapshot"] = True
            elif self.last_seq is not None:
                wanted["after_seq"] = self.last_seq
            said.append(wanted)
        said += [{"op": "sub", "ch": channel} for channel in self._channels]
        return [json.dumps(one) for one in said]

    def _signature(self) -> dict[str, str]:
        return sign(self.key, method="GET", host=self._host, path=self._path)

    # --- while it lives -----------------------------------------------------------------------------------------------
    def heard(self, raw: str | bytes) -> Iterator[Heard]:
        """What a message means.

        :raises StreamBroken: an event is missing or repeated
        :raises LiveClosed: the server did not understand us
        :raises ConnectionError: rubbish: what comes after it on this socket cannot be trusted either
        """
        self._heard_at = time.monotonic()
        try:
            found = list(self._means(loads(raw)))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as no:
            raise ConnectionError(f"a frame that is not what the API says: {no!r}") from no
        yield from found

    def _means(self, message: Any) -> Iterator[Heard]:
        op = message.get("op")
        if op is None:
            frame = Frame(message["ch"], message["seq"], message["ts"], message["type"], message["id"], message["data"])
            if frame.ch == "events":
                if type(frame.seq) is not int:
                    raise TypeError(f"the number of an event is {frame.seq!r}")
                if self.last_seq is not None and frame.seq != self.last_seq + 1:
                    raise StreamBroken(f"event {frame.seq} came after {self.last_seq}")
                self.last_seq = frame.seq
            self._failures = 0
            yield frame
        elif op == "error":
            raise LiveClosed(4400, f"{message.get('code')}: {message.get('detail')}")
        elif message.get("ch") == "events":
            yield from self._of_events(op, message)

    def _of_events(self, op: str, message: dict[str, Any]) -> Iterator[Heard]:
        if op == "skipped":  # of accounts that the key does not name
            if self.last_seq is not None and message["from"] != self.last_seq + 1:
                raise StreamBroken(f"events from {message['from']} on were skipped after {self.last_seq}")
            if (to := int(message["to"])) < int(message["from"]):
                raise StreamBroken(f"events {message['from']} to {to} were skipped")
            self.last_seq = to
        elif op == "subscribed":
            lost = message.get("recovered") is False
            if lost or self._wants_snapshot or self.last_seq is None:
                self.last_seq = int(message.get("after_seq", message["last_seq"]))
            self._acked = self.last_seq
            if lost:
                self._wants_snapshot = True
                yield HistoryLost(self.last_seq)
        elif op == "snapshot":
            complete = bool(message.get("complete"))
            found = Snapshot(message.get("part", ""), list(message.get("data", ())), int(message["last_seq"]), complete)
            self._wants_snapshot = self._wants_snapshot and not complete  # once all of it could be read
            yield found

    def due(self) -> list[str]:
        """What to say now: acknowledgements, and the signature anew before the session is over.

        :raises TimeoutError: the server fell silent
        """
        now, said = time.monotonic(), []
        if now - self._heard_at > SILENCE_S:
            raise TimeoutError("the server fell silent")
        behind = (self.last_seq or 0) - self._acked
        if behind >= ACK_EVERY or (behind > 0 and now - self._acked_at >= ACK_S):
            said.append(json.dumps({"op": "ack", "ch": "events", "seq": self.last_seq}))
            self._acked, self._acked_at = self.last_seq or 0, now
        if now - self._signed_at >= self._reauth_s:
            fresh = self._signature()
            said.append(json.dumps({"op": "reauth", "signature_input": fresh["Signature-Input"], "signature": fresh["Signature"]}))
            self._signed_at = now
        return said

    # --- it ended -----------------------------------------------------------------------------------------------------
    def pause_s(self) -> float:
        """How long to wait before the next connection: full jitter, up to 5 s."""
        self._failures += 1
        return random.uniform(0.05, min(5.0, 0.1 * 2 ** min(self._failures, 8)))  # noqa: S311 (jitter, no secret)


def require_worth_coming_back(code: int, reason: str) -> None:
    """:raises LiveClosed: a new connection would be closed for the same"""
    if code in FOR_GOOD:
        raise LiveClosed(code, reason)


def require_may_try_again(status: int, body: bytes | bytearray | None) -> None:
    """:raises Refused: the handshake was refused for good"""
    if status < 500 and status != 429:
        try:
            value = json.loads(body or b"{}")
        except ValueError:
            value = {}
        raise Refused(status, value if isinstance(value, dict) else {}) from None
