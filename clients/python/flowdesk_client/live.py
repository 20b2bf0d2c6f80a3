"""The event stream over WebSocket: in order, without gap or repeat, across as many connections as it takes."""

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.headers import build_host
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from .errors import FlowdeskError, LiveClosed, Refused
from .keys import Key
from .signing import sign

SUBPROTOCOL = "otc.v1.json"
PATH = "/ws/v1/"
FOR_GOOD = frozenset({4400, 4401, 4403, 4408, 4409, 4413, 4429})  # a new connection would end the same way
ACK_EVERY, ACK_S, SILENCE_S = 64, 5, 15


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
    """What was missed is older than the server keeps for streams: read your state by REST, the stream goes on after ``last_seq``."""

    last_seq: int


class StreamBroken(FlowdeskError):
    """The server left a hole or repeated itself: never expected, never passed over."""


class EventStream:
    """Iterate over it: frames arrive in order; lost connections are made again and resumed.

    :param url: scheme, host and port of the live server, such as ``ws://localhost:8001``
    :param after_seq: the last sequence number you have handled; None starts with what happens from now on
    :param channels: further channels, such as ``prices.BTC-USD`` (latest wins) or ``status``
    :param stop_when_idle_s: leave the iteration after so many seconds without a frame; None waits for ever
    """

    def __init__(
        self,
        url: str,
        key: Key,
        *,
        after_seq: int | None = None,
        events: bool = True,
        channels: tuple[str, ...] = (),
        stop_when_idle_s: float | None = None,
    ) -> None:
        self.url, self.key, self.last_seq, self.reconnects = url.rstrip("/") + PATH, key, after_seq, 0
        self._events, self._channels, self._idle_s = events, channels, stop_when_idle_s
        self._connection: ClientConnection | None = None
        self._closed = False
        self._acked = 0

    def close(self) -> None:
        """End the iteration, from whatever thread."""
        self._closed = True
        if self._connection is not None:
            self._connection.close()

    def __iter__(self) -> Iterator[Frame | HistoryLost]:
        failures, idle_since = 0, time.monotonic()
        while not self._closed:
            try:
                with self._connect() as connection:
                    self._connection = connection
                    for frame in self._frames(connection, idle_since):
                        failures = 0
                        yield frame
                        idle_since = time.monotonic()
                    return  # idle for long enough
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd else 1006
                if code in FOR_GOOD:
                    raise LiveClosed(code, closed.rcvd.reason if closed.rcvd else "") from None
            except InvalidStatus as refused:
                status = refused.response.status_code
                if status < 500 and status != 429:
                    raise Refused(status, _problem(refused.response.body)) from None
            except (OSError, TimeoutError, InvalidHandshake):
                pass  # nobody there, or a proxy in between: try again
            if not self._closed:
                failures += 1
                self.reconnects += 1
                time.sleep(random.uniform(0.05, min(5.0, 0.1 * 2 ** min(failures, 8))))  # noqa: S311 (jitter, no secret)

    def _connect(self) -> ClientConnection:
        parts = urlsplit(self.url)
        secure = parts.scheme == "wss"
        host = build_host(parts.hostname or "", parts.port or (443 if secure else 80), secure)
        return connect(
            self.url,
            additional_headers=sign(self.key, method="GET", host=host, path=parts.path),
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            proxy=None,
            open_timeout=10,
            close_timeout=2,
            max_size=1024 * 1024,
        )

    def _frames(self, connection: ClientConnection, idle_since: float) -> Iterator[Frame | HistoryLost]:
        self._subscribe(connection)
        heard = acked_at = time.monotonic()
        while not self._closed:
            try:
                raw = connection.recv(timeout=1)
            except TimeoutError:
                raw = None
            now = time.monotonic()
            if raw is None:
                if now - heard > SILENCE_S:
                    raise TimeoutError("the server fell silent")
            else:
                heard = now
                for frame in self._read(json.loads(raw)):
                    yield frame
                    idle_since = time.monotonic()
            behind = (self.last_seq or 0) - self._acked
            if behind >= ACK_EVERY or (behind > 0 and now - acked_at >= ACK_S):
                connection.send(json.dumps({"op": "ack", "ch": "events", "seq": self.last_seq}))
                self._acked, acked_at = self.last_seq or 0, now
            if self._idle_s is not None and time.monotonic() - idle_since > self._idle_s:
                return

    def _subscribe(self, connection: ClientConnection) -> None:
        if self._events:
            wanted: dict[str, Any] = {"op": "sub", "ch": "events"}
            if self.last_seq is not None:
                wanted["after_seq"] = self.last_seq
            connection.send(json.dumps(wanted))
        for channel in self._channels:
            connection.send(json.dumps({"op": "sub", "ch": channel}))

    def _read(self, message: dict[str, Any]) -> Iterator[Frame | HistoryLost]:
        op = message.get("op")
        if op is None:
            frame = Frame(message["ch"], message["seq"], message["ts"], message["type"], message["id"], message["data"])
            if frame.ch == "events":
                if self.last_seq is not None and frame.seq != self.last_seq + 1:
                    raise StreamBroken(f"event {frame.seq} came after {self.last_seq}")
                self.last_seq = frame.seq
            yield frame
        elif op == "skipped" and message.get("ch") == "events":
            if self.last_seq is not None and message["from"] != self.last_seq + 1:
                raise StreamBroken(f"events from {message['from']} on were skipped after {self.last_seq}")
            self.last_seq = int(message["to"])
        elif op == "subscribed" and message.get("ch") == "events":
            lost = message.get("recovered") is False
            if lost or self.last_seq is None:
                self.last_seq = int(message["last_seq"])
            self._acked = self.last_seq
            if lost:
                yield HistoryLost(self.last_seq)
        elif op == "error":
            raise LiveClosed(4400, f"{message.get('code')}: {message.get('detail')}")


def _problem(body: bytes | bytearray | None) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
