"""What a process keeps of one client's events while somebody listens: the newest frames, bounded, shared by all its sockets."""

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

if TYPE_CHECKING:
    from .delivery import Delivery

RING_EVENTS, RING_BYTES = 1024, 1024 * 1024


class Gap(Exception):
    """The table handed out a sequence with a hole: a broken promise, never passed over."""


class Item(NamedTuple):
    """An event ready to be sent.

    :param asked_by: the member whose request was refused, where that is what the event tells
    """

    prepared: Any
    size: int
    account_id: UUID | None
    asked_by: UUID | None


class Stream:
    """``top`` is the last sequence number this process knows of; the ring ends with it."""

    def __init__(self, client_id: UUID, top: int) -> None:
        self.client_id, self.top = client_id, top
        self.readers: set[Delivery] = set()
        self.watchers: dict[object, int] = {}  # sockets that hear single requests: how many
        self._ring: deque[Item] = deque()  # oldest first
        self._bytes = 0

    @property
    def is_idle(self) -> bool:
        return not self.readers and not self.watchers

    def push(self, seq: int, item: Item) -> bool:
        """Take the next event; False where it is already known.

        :raises Gap: it is not the next
        """
        if seq <= self.top:
            return False
        if seq != self.top + 1:
            raise Gap(f"client {self.client_id}: event {seq} after {self.top}")
        self.top = seq
        self._ring.append(item)
        self._bytes += item.size
        while len(self._ring) > RING_EVENTS or self._bytes > RING_BYTES:
            self._bytes -= self._ring.popleft().size
        return True

    def get(self, seq: int) -> Item | None:
        """One event, or None when it is older than the ring."""
        at = seq - (self.top - len(self._ring)) - 1
        return self._ring[at] if 0 <= at < len(self._ring) else None
