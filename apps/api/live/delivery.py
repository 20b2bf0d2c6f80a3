"""One socket's way through its client's events: in order, each told or named as skipped, within a bounded window.

Nothing is queued here for a slow peer: what it has not read stays in the table and in the ring that all the client's sockets share.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

import psycopg

from . import frames
from .frames import Close
from .streams import Item, Stream

if TYPE_CHECKING:
    from .session import Session

logger = logging.getLogger(__name__)


class Delivery:
    """Made when `events` is subscribed to. `cursor` is the last event that was told or skipped; None until the answer is given."""

    def __init__(self, session: "Session", stream: Stream) -> None:
        self.session, self.stream = session, stream
        self.cursor: int | None = None
        self.moved = False  # something was sent since it was last looked at
        self._parts: deque[bytes] = deque()  # of a snapshot, before the first event
        self._skipped = 0  # the first event of a run that this key may not see, not told of yet
        self._page: deque[Item] = deque()  # the next events out of the table, older than the ring
        self._loading: asyncio.Task[None] | None = None
        self._unacked: deque[tuple[int, int]] = deque()
        self._unacked_bytes = 0

    def pump(self) -> bool:
        """Send what may be sent; whether events wait for the peer (not for the database)."""
        if self.cursor is None:
            return False
        socket, peer = self.session.socket, self.session.peer
        while self._parts:
            if not socket.writable:
                return True
            socket.put(self._parts.popleft())
            self.moved = True
        while self.cursor < self.stream.top:
            if not socket.writable or self._is_full():
                return True
            item = self._page.popleft() if self._page else self.stream.get(self.cursor + 1)
            if item is None:
                self._load()
                return False
            self.cursor += 1
            if not peer.sees(item.account_id, item.asked_by):
                self._skipped = self._skipped or self.cursor
                continue
            self._tell_skipped(self.cursor - 1)
            self._unacked.append((self.cursor, item.size))
            self._unacked_bytes += item.size
            socket.put_shared(item.prepared)
            self.moved = True
        if socket.writable:
            self._tell_skipped(self.cursor)
        return False

    def begin(self, after_seq: int, parts: Iterable[bytes]) -> None:
        """From here on: first the parts of a snapshot, then every event after this one."""
        self.cursor = after_seq
        self._parts.extend(parts)

    def acknowledge(self, seq: int) -> tuple[int, int] | None:
        """Open the window up to `seq`: how many events and bytes it frees; None where that was never sent."""
        if self.cursor is None or seq > self.cursor:
            return None
        events, held = len(self._unacked), self._unacked_bytes
        while self._unacked and self._unacked[0][0] <= seq:
            self._unacked_bytes -= self._unacked.popleft()[1]
        return events - len(self._unacked), held - self._unacked_bytes

    def end(self) -> None:
        if self._loading is not None:
            self._loading.cancel()
        self.cursor = None
        self._parts.clear()

    def _is_full(self) -> bool:
        return len(self._unacked) >= frames.WINDOW_EVENTS or self._unacked_bytes >= frames.WINDOW_BYTES

    def _tell_skipped(self, to: int) -> None:
        if self._skipped:
            self.session.socket.put(frames.skipped(self._skipped, to))
            self._skipped = 0
            self.moved = True

    def _load(self) -> None:
        if self._loading is None:
            self._loading = asyncio.ensure_future(self._load_page())

    async def _load_page(self) -> None:
        hub = self.session.hub
        after = self.cursor
        if after is None:
            return
        try:
            rows = await hub.reader.after({self.stream.client_id: after})
        except (psycopg.Error, OSError):
            return  # the hub says so in the log; the next tick asks again
        finally:
            self._loading = None
        for expected, row in enumerate(rows, after + 1):
            if row.seq != expected:
                logger.error("live: client %s: event %d where %d was expected", row.client_id, row.seq, expected)
                self.session.socket.finish(Close.INTERNAL)
                return
            self._page.append(hub.item(row))
        if rows:
            self.session.pump()
