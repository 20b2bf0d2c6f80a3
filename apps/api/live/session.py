"""One socket's state: where it stands in each channel, what it may still be sent, and when it has to go.

Nothing is queued for a slow peer: events stay in the table and the client's ring, a price waits only as the latest of its pair.
``pump`` is called whenever something may have become possible, sends what is possible, and remembers since when nothing is.
"""

import asyncio
import json
import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg

from . import frames
from .frames import Close
from .protocol import Socket, now_ms
from .streams import Gap, Stream

if TYPE_CHECKING:
    from .hub import Hub

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end: a key of a client, or one of our own people with the session cookie."""

    key_id: str = ""
    client_id: UUID | None = None
    session_key: str = ""
    user_id: str = ""

    @property
    def seat_name(self) -> str:
        """Whose sockets are counted together."""
        return self.key_id or f"user.{self.user_id}"

    def may_hear(self, ch: str) -> bool:
        """Events are for clients, the desk's nudges for the desk; prices and status for both."""
        return {"events": self.client_id is not None, "desk": bool(self.user_id)}.get(ch, True)


class Session:
    """Lives from the handshake to the last frame; used on the event loop only."""

    def __init__(self, hub: "Hub", socket: Socket, peer: Peer) -> None:
        self.hub, self.socket, self.peer = hub, socket, peer
        self.channels: set[str] = set()
        self.stream: Stream | None = None
        self._cursor: int | None = None  # last event sent; None until the subscription is answered
        self._page: deque[tuple[Any, int]] = deque()  # the next events out of the table, older than the ring
        self._loading: asyncio.Task[None] | None = None
        self._unacked: deque[tuple[int, int]] = deque()
        self._unacked_bytes = 0
        self._waiting: dict[str, Any] = {}  # latest frame of each conflated channel
        self._stalled_ms: int | None = None
        self.opened_ms = self._beaten_ms = now_ms()
        socket.on_writable = self.pump

    # --- out ----------------------------------------------------------------------------------------------------------
    def pump(self) -> None:
        """Send what may be sent now."""
        try:
            blocked = self._pump_events()
        except Gap:
            logger.exception("live: a hole in the event table")
            self.socket.finish(Close.INTERNAL)
            return
        while self._waiting and self.socket.writable:
            ch = next(iter(self._waiting))
            self.socket.put_shared(self._waiting.pop(ch))
        if not (blocked or self._waiting):
            self._stalled_ms = None
        elif self._stalled_ms is None:
            self._stalled_ms = now_ms()

    def _pump_events(self) -> bool:
        """Whether events wait for the peer (not for the database)."""
        stream = self.stream
        if stream is None or self._cursor is None:
            return False
        sent = False
        while self._cursor < stream.top:
            if not self.socket.writable or len(self._unacked) >= frames.WINDOW_EVENTS or self._unacked_bytes >= frames.WINDOW_BYTES:
                if sent:
                    self._stalled_ms = None  # it moves, however slowly
                return True
            found = self._page.popleft() if self._page else stream.get(self._cursor + 1)
            if found is None:
                self._load()
                return False
            prepared, size = found
            self._cursor += 1
            self._unacked.append((self._cursor, size))
            self._unacked_bytes += size
            self.socket.put_shared(prepared)
            sent = True
        return False

    def _load(self) -> None:
        if self._loading is None:
            self._loading = asyncio.ensure_future(self._load_page())

    async def _load_page(self) -> None:
        assert self.stream is not None
        assert self._cursor is not None
        try:
            rows = await self.hub.reader.after({self.stream.client_id: self._cursor})
        except (psycopg.Error, OSError):
            return  # the hub says so in the log; the next tick asks again
        finally:
            self._loading = None
        for expected, row in enumerate(rows, self._cursor + 1):
            if row.seq != expected:
                logger.error("live: client %s: event %d where %d was expected", row.client_id, row.seq, expected)
                self.socket.finish(Close.INTERNAL)
                return
            self._page.append((self.hub.prepare(row.frame), len(row.frame)))
        if rows:
            self.pump()

    def offer(self, ch: str, prepared: Any, conflated: Any = None) -> None:
        """A frame of a channel that may skip: sent now, or kept as the latest (or as ``conflated``) until it can be."""
        if self.socket.writable and not self._waiting:
            self.socket.put_shared(prepared)
        else:
            self._waiting[ch] = conflated if conflated is not None else prepared
            if self._stalled_ms is None:
                self._stalled_ms = now_ms()

    def tick(self, now: int) -> None:
        """Once a second: the reasons to end, then the heartbeat, then whatever a lost wake-up left behind."""
        if now - self.socket.heard_ms > frames.SILENCE_MS:
            self.socket.cut()
        elif self._stalled_ms is not None and now - self._stalled_ms > frames.STALL_MS:
            logger.info("live: %s reads too slowly", self.name)
            self.socket.finish(Close.TOO_SLOW)
        elif now - self.opened_ms > frames.SESSION_MS:
            self.socket.finish(Close.TOO_OLD)
        elif not self.channels and now - self.opened_ms > frames.UNUSED_MS:
            self.socket.finish(Close.UNUSED)
        else:
            if now - self._beaten_ms >= frames.HEARTBEAT_MS and self.socket.writable:
                self._beaten_ms = now
                self.socket.put(frames.control("heartbeat", ts=frames.now(), tops={ch: self._top(ch) for ch in sorted(self.channels)}))
                self.socket.sendPing()
            self.pump()

    def _top(self, ch: str) -> int:
        return self.stream.top if ch == "events" and self.stream is not None else self.hub.seq(ch)

    @property
    def name(self) -> str:
        return self.peer.seat_name

    # --- in -----------------------------------------------------------------------------------------------------------
    async def take(self, text: str) -> None:
        """Do what a message asks; one that is not of this protocol ends the session."""
        try:
            message = json.loads(text)
            op = message["op"] if isinstance(message, dict) else None
        except (ValueError, KeyError, RecursionError):
            op = None
        if op == "ping" and set(message) == {"op"}:
            self.socket.put(frames.control("pong", ts=frames.now()))
        elif op == "sub" and set(message) <= {"op", "ch", "after_seq"}:
            await self._subscribe(message.get("ch"), message.get("after_seq"))
        elif op == "unsub" and set(message) == {"op", "ch"} and isinstance(message["ch"], str):
            self._unsubscribe(message["ch"])
        elif op == "ack" and set(message) == {"op", "ch", "seq"} and message["ch"] == "events" and type(message["seq"]) is int:
            self._acknowledge(message["seq"])
        else:
            self.socket.finish(Close.MALFORMED)

    def _acknowledge(self, seq: int) -> None:
        if self._cursor is None or seq > self._cursor:
            self.socket.finish(Close.CONFLICT)
            return
        while self._unacked and self._unacked[0][0] <= seq:
            self._unacked_bytes -= self._unacked.popleft()[1]
        self._stalled_ms = None
        self.pump()

    async def _subscribe(self, ch: object, after_seq: object) -> None:
        refusal = None
        if not isinstance(ch, str) or frames.CHANNEL.fullmatch(ch) is None:
            refusal = ("unknown_channel", "one of events, prices.{pair}, status")
        elif not self.peer.may_hear(ch):
            refusal = ("forbidden", "not a channel of this connection")
        elif ch in self.channels:
            refusal = ("already_subscribed", "unsubscribe first")
        elif len(self.channels) >= frames.CHANNELS:
            refusal = ("too_many_channels", f"at most {frames.CHANNELS}")
        elif after_seq is not None and (ch != "events" or type(after_seq) is not int or not 0 <= after_seq < 2**62):
            refusal = ("invalid_after_seq", "a whole number from 0, on events only")
        if refusal is not None:
            self.socket.put(frames.error(*refusal, ch=ch if isinstance(ch, str) else None))
        elif ch == "events":
            await self._subscribe_events(after_seq)  # type: ignore[arg-type]
        else:
            assert isinstance(ch, str)
            self.channels.add(ch)
            self.socket.put(frames.control("subscribed", ch=ch, last_seq=self.hub.seq(ch)))
            await self.hub.join(ch, self)

    async def _subscribe_events(self, after_seq: int | None) -> None:
        assert self.peer.client_id is not None
        client_id = self.peer.client_id
        try:
            stream = await self.hub.join_stream(client_id, self)
            if after_seq is not None and after_seq > stream.top:
                await self.hub.catch_up(client_id)
            known = after_seq is None or after_seq == stream.top
            recovered = known or (
                after_seq is not None and after_seq < stream.top and not await self.hub.reader.is_too_old(client_id, after_seq)
            )
        except (psycopg.Error, OSError):
            self._leave_stream()
            self.socket.finish(Close.TRY_LATER)
            return
        if self.stream is not stream:
            return  # it was closed while the database was asked
        self.channels.add("events")
        top = stream.top
        start = after_seq if recovered and after_seq is not None else top
        self.socket.put(frames.control("subscribed", ch="events", recovered=recovered, after_seq=start, last_seq=top))
        if not recovered:
            self.socket.put(frames.control("snapshot", ch="events", last_seq=top))
        self._cursor = start
        self.pump()

    def _unsubscribe(self, ch: str) -> None:
        if ch not in self.channels:
            self.socket.put(frames.error("not_subscribed", "no such subscription", ch=ch))
            return
        self.channels.discard(ch)
        self._waiting.pop(ch, None)
        if ch == "events":
            self._leave_stream()
        self.hub.leave(ch, self)
        self.socket.put(frames.control("unsubscribed", ch=ch))

    def _leave_stream(self) -> None:
        if self.stream is not None:
            self.hub.leave_stream(self.stream, self)
        self.stream, self._cursor = None, None
        self._page.clear()
        self._unacked.clear()
        self._unacked_bytes = 0

    def end(self) -> None:
        """The line is gone: nothing of this session stays behind."""
        self.socket.on_writable = None
        if self._loading is not None:
            self._loading.cancel()
        self._leave_stream()
        for ch in list(self.channels):
            self.hub.leave(ch, self)
        self.channels.clear()
