"""The middle of a live process: one reader and one subscription feed all its sockets.

A nudge (or, every five seconds, the comparison of the counters) says which client has news; the reader takes the rows after the
last known number in one statement for all of them. So a nudge that is lost, late, doubled or wrong costs time and never a fact.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from uuid import UUID

import psycopg
from autobahn.websocket.protocol import PreparedMessage

from . import frames
from .bus import Bus
from .delivery import Delivery
from .frames import Close
from .house import House
from .peer import Peer
from .prices import Prices
from .protocol import now_ms
from .reader import PAGE, Event, Reader
from .seats import Seats
from .session import Session
from .standing import why_closed
from .status import Status
from .streams import Gap, Item, Stream
from .waking import woken

logger = logging.getLogger(__name__)

_COMPARE_MS = 5_000
_TICK_MS = 1_000
_RETRY_MS = 500


class Hub:
    """Made once a process; ``start`` needs the running loop."""

    def __init__(self) -> None:
        self.reader = Reader()
        self.bus = Bus(self._on_message, self._on_bus_return)
        self.seats = Seats(self.bus)
        self.sessions: set[Session] = set()
        self.draining = False
        self._streams: dict[UUID, Stream] = {}
        self._listeners: dict[str, set[Session]] = {}
        self._seqs: dict[str, int] = {}
        self.prices, self.status, self.house = Prices(self), Status(self), House(self)
        self._dirty: set[UUID] = set()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._chores: set[asyncio.Task[None]] = set()
        self.prove_again: Callable[[Peer, str, str], Awaitable[bool]] = _nobody  # the doors' own (doors.py)

    def start(self) -> None:
        """Begin to read, listen and tick."""
        for run in (self.bus.run, self._read, self.house.run, self.status.run, self._tick, self._revoke):
            task = asyncio.ensure_future(run())
            task.add_done_callback(_report)
            self._tasks.append(task)

    def drain(self) -> None:
        """From now on not ready; every socket is told, answered and closed."""
        self.draining = True
        self.status.tell()
        for session in list(self.sessions):
            session.retire()

    @property
    def is_busy(self) -> bool:
        """Whether something of a socket that is gone is still to be done."""
        return bool(self._chores)

    def finish_later(self, chore: Coroutine[Any, Any, None]) -> None:
        """What outlives its socket: the process does not end before it is done."""
        task = asyncio.ensure_future(chore)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    @property
    def is_ready(self) -> bool:
        """Whether a socket opened now would hear what happens. Valkey may be away: the database alone suffices, later."""
        return not self.draining and self.reader.is_up

    @staticmethod
    def prepare(frame: bytes) -> Any:
        """Frame a payload once for any number of sockets."""
        return PreparedMessage(frame, False, False, True)

    # --- private events -----------------------------------------------------------------------------------------------
    async def open_stream(self, client_id: UUID) -> Stream:
        """The client's stream; whoever asks enters it at once, or it is let go with the next one that leaves.

        :raises psycopg.Error: the first of a client needs the database
        """
        if client_id not in self._streams:
            top = (await self.reader.tops([client_id])).get(client_id, 0)
            self._streams.setdefault(client_id, Stream(client_id, top))  # another socket may have been faster
        return self._streams[client_id]

    def leave_stream(self, stream: Stream, delivery: Delivery) -> None:
        stream.readers.discard(delivery)
        self._let_go(stream)

    def unwatch(self, stream: Stream, session: Session) -> None:
        stream.watchers[session] -= 1
        if not stream.watchers[session]:
            del stream.watchers[session]
        self._let_go(stream)

    def _let_go(self, stream: Stream) -> None:
        if stream.is_idle and self._streams.get(stream.client_id) is stream:
            del self._streams[stream.client_id]

    def item(self, row: Event) -> Item:
        """An event ready to be sent."""
        frame = frames.event("events", row.seq, row.recorded_at, row.kind, row.id, row.public)
        return Item(self.prepare(frame), len(frame), row.account_id, row.asked_by)

    async def catch_up(self, client_id: UUID) -> None:
        """Take what the table has beyond the stream's top, now.

        :raises psycopg.Error: the database does not answer
        """
        await self._take_rows({client_id})

    async def _read(self) -> None:
        compared_ms = 0
        while True:
            await woken(self._wake, _COMPARE_MS)
            try:
                if now_ms() - compared_ms >= _COMPARE_MS:
                    await self._compare()
                    compared_ms = now_ms()
                dirty, self._dirty = self._dirty, set()
                await self._take_rows(dirty)
            except (psycopg.Error, OSError) as lost:
                logger.warning("live: the database does not answer (%s)", type(lost).__name__)
                compared_ms = 0  # compare everything once it is back
                await asyncio.sleep(_RETRY_MS / 1000)
                self._wake.set()

    async def _compare(self) -> None:
        tops = await self.reader.tops(list(self._streams))
        self._dirty |= {client_id for client_id, top in tops.items() if (s := self._streams.get(client_id)) is not None and top > s.top}

    async def _take_rows(self, clients: set[UUID]) -> None:
        while wanted := {c: self._streams[c].top for c in clients if c in self._streams}:
            counts: dict[UUID, int] = {}
            for row in await self.reader.after(wanted):
                counts[row.client_id] = counts.get(row.client_id, 0) + 1
                stream = self._streams.get(row.client_id)
                if stream is not None:
                    self._push(stream, row)
            for client_id in counts:
                if client_id in self._streams:
                    for delivery in list(self._streams[client_id].readers):
                        delivery.session.pump()
            clients = {client_id for client_id, count in counts.items() if count == PAGE}

    def _push(self, stream: Stream, row: Event) -> None:
        try:
            if not stream.push(row.seq, self.item(row)):
                return
        except Gap:
            logger.exception("live: a hole in the event table")
            for delivery in list(stream.readers):
                delivery.session.socket.finish(Close.INTERNAL)
            self._streams.pop(stream.client_id, None)
            return
        ch = f"rfq.{row.rfq_id}"
        if row.rfq_id is not None and ch in self._listeners:
            self.note_seq(ch, row.seq)
            self.publish(ch, self.prepare(frames.event(ch, row.seq, row.recorded_at, row.kind, row.id, row.public)))

    # --- channels that may skip ---------------------------------------------------------------------------------------
    def seq(self, ch: str) -> int:
        """The number of the last frame of a channel in this process."""
        if ch.startswith("prices."):
            return self.prices.seq(ch)
        return self.status.seq if ch == "status" else self._seqs.get(ch, 0)

    def note_seq(self, ch: str, seq: int) -> None:
        """The last number of a request's own channel, which counts as its client's events do."""
        self._seqs[ch] = max(seq, self._seqs.get(ch, 0))

    def join(self, ch: str, session: Session) -> None:
        """Let a session hear a request's own channel, or the desk's nudges."""
        self._listeners.setdefault(ch, set()).add(session)
        if ch == "desk":
            self.house.wake.set()

    def leave(self, ch: str, session: Session) -> None:
        """Whatever it is: it hears it no more."""
        if ch.startswith("prices."):
            self.prices.leave(ch, session)
        elif ch == "status":
            self.status.leave(session)
        listeners = self._listeners.get(ch)
        if listeners is not None:
            listeners.discard(session)
            if not listeners:
                del self._listeners[ch]
        if ch.startswith("rfq.") and ch not in self._listeners:
            self._seqs.pop(ch, None)

    def is_heard(self, ch: str) -> bool:
        """Whether any session hears a request's own channel, or the desk's nudges."""
        return ch in self._listeners

    def publish(self, ch: str, prepared: Any, conflated: Any = None) -> None:
        """Hand a frame to all who hear the channel."""
        for session in list(self._listeners.get(ch, ())):
            session.offer(ch, prepared, conflated)

    def _on_message(self, kind: str, data: bytes) -> None:
        if kind == "prices":
            self.prices.take(data)
            return
        self.house.wake.set()
        if data == b"house":
            self.status.wake.set()
        elif (client_id := UUID(data.decode())) in self._streams:
            self._dirty.add(client_id)
            self._wake.set()

    def _on_bus_return(self) -> None:
        """Whatever was said meanwhile was not heard: compare now."""
        self._dirty |= set(self._streams)
        self._wake.set()
        self.house.wake.set()

    # --- time ---------------------------------------------------------------------------------------------------------
    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_MS / 1000)
            now = now_ms()
            for session in list(self.sessions):
                try:
                    session.tick(now)
                except Exception:  # one broken socket must not stop the clock of the others
                    logger.exception("live: %s: tick", session.name)
                    session.socket.cut()
            await self.seats.keep()

    async def _revoke(self) -> None:
        """Once a second: whoever may no longer be here goes. A database that does not answer revokes nobody."""
        while True:
            await asyncio.sleep(_TICK_MS / 1000)
            keys = {s.peer.key_id for s in self.sessions if s.peer.key_id}
            held = {(s.peer.session_key, s.peer.user_id) for s in self.sessions if s.peer.session_key}
            try:
                standings = await self.reader.standings(keys) if keys else {}
                logins = await self.reader.living_sessions(held) if held else set()
                if not keys and not held and not self.reader.is_up:
                    await self.reader.tops([])  # an idle process, too, knows whether it is ready
            except (psycopg.Error, OSError):
                continue
            for session in list(self.sessions):
                peer = session.peer
                if peer.key_id in keys and (code := why_closed(peer, standings.get(peer.key_id))) is not None:
                    session.socket.finish(code)
                elif (peer.session_key, peer.user_id) in held and peer.session_key not in logins:
                    session.socket.finish(Close.NOT_VALID)


async def _nobody(_peer: Peer, _signature_input: str, _signature: str) -> bool:
    return False


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (wrong := task.exception()) is not None:
        logger.critical("live: %s ended", task.get_coro(), exc_info=wrong)
