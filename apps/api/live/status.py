"""The channel `status`: whether we deal, what is stopped, whether prices come, and that this server is about to go.

Read from the kill switches once a second while somebody listens, and told when it has changed. A client that is stopped alone is told
so alone; why something is stopped stays in the house.
"""

import asyncio
import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg

from . import frames
from .waking import woken

if TYPE_CHECKING:
    from .hub import Hub
    from .session import Session

_LOOK_MS, _PAUSE_MS = 1_000, 100


class Status:
    """What was last told, to whom; used on the event loop only."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self.sessions: set[Session] = set()
        self.wake = asyncio.Event()
        self.seq = 0
        self._told: dict[Session, str] = {}
        self._pairs: list[str] = []
        self._halts: list[tuple[str, str, UUID | None]] = []  # scope, pair, client

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await woken(self.wake, _LOOK_MS)
            if self.sessions:
                try:
                    self._pairs, self._halts = await self._hub.reader.dealing()
                except (psycopg.Error, OSError):
                    continue  # what was told stands; the hub says so in the log
                self.tell()
                await asyncio.sleep(_PAUSE_MS / 1000)

    async def join(self, session: "Session") -> None:
        """Let a session hear; how things stand comes at once.

        :raises psycopg.Error, OSError: the database does not answer
        """
        self._pairs, self._halts = await self._hub.reader.dealing()
        self.sessions.add(session)
        self.tell()

    def leave(self, session: "Session") -> None:
        self.sessions.discard(session)
        self._told.pop(session, None)

    def tell(self) -> None:
        """Hand on what has changed for each listener."""
        texts: dict[bool, str] = {}
        prepared: dict[str, Any] = {}
        for session in list(self.sessions):
            stopped = any(scope == "CLIENT" and client == session.peer.client_id for scope, _, client in self._halts)
            if stopped not in texts:
                texts[stopped] = json.dumps(self._stand(stopped=stopped), separators=(",", ":"))
            text = texts[stopped]
            if self._told.get(session) == text:
                continue
            if text not in prepared:
                self.seq += 1
                frame = frames.envelope(ch="status", seq=self.seq, ts=frames.now(), kind="status", id=f"status.{self.seq}", data=text)
                prepared[text] = self._hub.prepare(frame)
            self._told[session] = text
            session.offer("status", prepared[text])

    def _stand(self, *, stopped: bool) -> dict[str, Any]:
        dealing = not stopped and not any(scope == "ALL" for scope, _, _ in self._halts)
        halted = {pair for scope, pair, _ in self._halts if scope == "PAIR"}
        live = {pair: self._hub.prices.is_live(pair) for pair in self._pairs}
        return {
            "dealing": dealing,
            "feed": "up" if any(live.values()) else "down",
            "instruments": [
                {"instrument": pair, "dealing": dealing and pair not in halted, "prices": "live" if live[pair] else "stale"}
                for pair in self._pairs
            ],
            "shutdown": self._hub.draining,
        }
