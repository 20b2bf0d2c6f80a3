"""At most ten sockets a key, over all live processes: a sorted set in Valkey, whose entries lapse seconds after their process died.

Where Valkey does not answer, each process counts its own sockets: the limit is then looser, never absent.
"""

import contextlib
import os
import time
from secrets import token_hex
from typing import TYPE_CHECKING

from django.conf import settings
from redis.exceptions import RedisError

from . import frames

if TYPE_CHECKING:
    from .bus import Bus

_LAPSE_S = 4  # whose server was killed may come back to another one
_KEEP_S = 1


class Seats:
    """Seats are taken at the handshake, kept every second and given back at the end."""

    def __init__(self, bus: "Bus") -> None:
        self._bus, self._process = bus, f"{os.getpid()}.{token_hex(4)}"
        self._taken: dict[str, set[str]] = {}
        self._kept_at = 0

    async def take(self, key_id: str) -> str | None:
        """A seat for one more socket of the key, or None when all are taken."""
        own = self._taken.setdefault(key_id, set())
        seat = f"{self._process}.{token_hex(6)}"
        own.add(seat)  # before anything is awaited: two handshakes at once see each other
        taken = len(own)
        if taken <= frames.SOCKETS_PER_KEY:
            try:
                async with self._bus.client.pipeline(transaction=True) as together:
                    now = int(time.time())
                    together.zremrangebyscore(self._name(key_id), 0, now)
                    together.zadd(self._name(key_id), {seat: now + _LAPSE_S})
                    together.zcard(self._name(key_id))
                    together.expire(self._name(key_id), _LAPSE_S)
                    taken = int((await together.execute())[2])
            except (RedisError, OSError):
                pass
        if taken > frames.SOCKETS_PER_KEY:
            await self.give_back(key_id, seat)
            return None
        return seat

    async def give_back(self, key_id: str, seat: str) -> None:
        own = self._taken.get(key_id, set())
        own.discard(seat)
        if not own:
            self._taken.pop(key_id, None)
        with contextlib.suppress(RedisError, OSError):  # it lapses
            await self._bus.client.zrem(self._name(key_id), seat)

    async def keep(self) -> None:
        """Say that the seats of this process are still in use."""
        now = int(time.time())
        if now - self._kept_at < _KEEP_S or not self._taken:
            return
        self._kept_at = now
        try:
            async with self._bus.client.pipeline(transaction=False) as together:
                for key_id, seats in self._taken.items():
                    together.zadd(self._name(key_id), dict.fromkeys(seats, now + _LAPSE_S))
                    together.expire(self._name(key_id), _LAPSE_S)
                await together.execute()
        except (RedisError, OSError):
            pass

    @staticmethod
    def _name(key_id: str) -> str:
        return f"{settings.BUS_PREFIX}live:seats:{key_id}"
