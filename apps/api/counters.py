"""The cache under django-ratelimit: its counters in one round trip to Valkey; Django's own takes three (SET NX, EXISTS, INCR)."""

import threading
from typing import Any

from django.core.cache.backends.redis import RedisCache

from apps.core import valkey
from apps.core.valkey import Command


class Counters(RedisCache):
    """`add` opens a counter or counts on in one flight (or was sent ahead); the `incr` that follows tells the count."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._counted = threading.local()

    def commands(self, key: Any, value: Any, timeout: Any = None, version: Any = None) -> tuple[Command, Command]:
        """What `add` sends."""
        name = self.make_and_validate_key(key, version=version)
        return ("SET", name, 0, "EX", int(self.get_backend_timeout(timeout) or 1), "NX"), ("INCRBY", name, value)

    def add(self, key: Any, value: Any, timeout: Any = None, version: Any = None) -> bool:
        """Whether the counter is new.

        :param value: how much to count (django-ratelimit: 1)
        """
        opened, count = valkey.ask(*self.commands(key, value, timeout, version))
        self._counted.last = (self.make_and_validate_key(key, version=version), count)
        return bool(opened)

    def incr(self, key: Any, delta: int = 1, version: Any = None) -> int:
        name = self.make_and_validate_key(key, version=version)
        counted, count = getattr(self._counted, "last", ("", 0))
        if counted != name:
            return int(super().incr(key, delta, version))
        self._counted.last = ("", 0)
        return int(count)
