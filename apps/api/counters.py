"""The cache under django-ratelimit: its counters in one round trip to Valkey; Django's own takes three (SET NX, EXISTS, INCR)."""

import threading
from typing import Any

from django.core.cache.backends.redis import RedisCache


class Counters(RedisCache):
    """`add` opens a counter or counts on in one flight; the `incr` that follows in the same thread tells what was counted."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._counted = threading.local()

    def add(self, key: Any, value: Any, timeout: Any = None, version: Any = None) -> bool:
        """Whether the counter is new.

        :param value: how much to count (django-ratelimit: 1)
        """
        name = self.make_and_validate_key(key, version=version)
        with self._cache.get_client(name, write=True).pipeline(transaction=False) as flight:
            flight.set(name, 0, ex=int(self.get_backend_timeout(timeout) or 1), nx=True)
            flight.incrby(name, value)
            opened, count = flight.execute()
        self._counted.last = (name, count)
        return bool(opened)

    def incr(self, key: Any, delta: int = 1, version: Any = None) -> int:
        name = self.make_and_validate_key(key, version=version)
        counted, count = getattr(self._counted, "last", ("", 0))
        if counted != name:
            return int(super().incr(key, delta, version))
        self._counted.last = ("", 0)
        return int(count)
