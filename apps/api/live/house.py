"""The desk's nudges: what happened in the house, told to the pages that our people have open."""

import asyncio
import json
from typing import TYPE_CHECKING, Any

import psycopg

from . import frames
from .reader import Place
from .waking import woken

if TYPE_CHECKING:
    from .hub import Hub

_LOOK_MS = 1_000  # how often nudges are looked for when nothing nudges
_PAUSE_MS = 100
_RETRY_MS = 500


class House:
    """One a process; reads only while a page listens."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self.wake = asyncio.Event()
        self._seq = 0
        self._place: Place | None = None  # while a page listens

    async def begin(self) -> None:
        """What happens from now on is told: awaited before a page is told that it hears.

        :raises psycopg.Error, OSError: the database does not answer
        """
        if self._place is None:
            self._place = await self._hub.reader.horizon()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await woken(self.wake, _LOOK_MS)
            if not self._hub.is_heard("desk"):
                self._place = None
            if self._place is None:
                continue
            try:
                self._place = await self._tell(self._place)
            except (psycopg.Error, OSError):
                await asyncio.sleep(_RETRY_MS / 1000)  # the hub says so in the log
            await asyncio.sleep(_PAUSE_MS / 1000)

    async def _tell(self, place: Place) -> Place:
        for row in await self._hub.reader.house_after(place):
            place = (row.era, row.xid, row.position)
            data = {
                "subject_type": row.subject_type,
                "subject_id": str(row.subject_id),
                "client_id": str(row.client_id) if row.client_id else None,
                "position": row.position,
            }
            self._seq += 1
            ts, id = frames.stamp(row.recorded_at), str(row.id)
            self._hub.note_seq("desk", self._seq)
            self._hub.publish("desk", self._frame(ts, row.kind, id, data), self._frame(ts, "desk.refresh", id, {}))
        return place

    def _frame(self, ts: str, kind: str, id: str, data: dict[str, Any]) -> Any:
        text = json.dumps(data, separators=(",", ":"))
        return self._hub.prepare(frames.envelope(ch="desk", seq=self._seq, ts=ts, kind=kind, id=id, data=text))
