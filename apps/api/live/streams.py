"""What a process keeps of one client's events while somebody listens: the newest frames, bounded, shared by all its sockets."""

from collections import deque
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from .session import Session

RING_EVENTS, RING_BYTES = 1024, 1024 * 1024


class Gap(Exception):
    """The table handed out a sequence with a hole: a broken promise, never passed over."""


class Stream:
    """``top`` is the last sequence number this process knows of; the ring ends with it."""

    def __init__(self, client_id: UUID, top: int) -> None:
        self.client_id, self.top = client_id, top
        self.sessions: set[Session] = set()
        self._ring: deque[tuple[Any, int]] = deque()  # (prepared frame, bytes), oldest first
        self._bytes = 0

    def push(self, seq: int, prepared: Any, size: int) -> None:
        """Take the next event. What is already known is ignored.

        :raises Gap: it is not the next
        """
        if seq <= self.top:
            return
        if seq != self.top + 1:
            raise Gap(f"client {self.client_id}: event {seq} after {self.top}")
        self.top = seq
        self._ring.append((prepared, size))
        self._bytes += size
        while len(self._ring) > RING_EVENTS or self._bytes > RING_BYTES:
            self._bytes -= self._ring.popleft()[1]

    def get(self, seq: int) -> tuple[Any, int] | None:
        """The frame of one event, or None when it is older than the ring."""
        at = seq - (self.top - len(self._ring)) - 1
        return self._ring[at] if 0 <= at < len(self._ring) else None
