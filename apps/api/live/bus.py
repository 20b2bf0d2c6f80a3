"""The one Valkey subscription of a live process. What comes over it is a nudge or a price: losing it costs time, never a fact."""

import asyncio
import logging
from collections.abc import Callable

import redis.asyncio as valkey
from django.conf import settings
from redis.exceptions import RedisError

from apps.pricing.feeds import bus as prices

logger = logging.getLogger(__name__)

_RETRY_MS = (200, 500, 1000, 2000)


class Bus:
    """Hands on the nudges and every pair's prices; comes back by itself and says so by ``on_return``.

    :param on_message: called with "events" or "prices" and the bytes
    """

    def __init__(self, on_message: Callable[[str, bytes], None], on_return: Callable[[], None]) -> None:
        self._url, self._on_message, self._on_return = settings.VALKEY_URL, on_message, on_return
        self._kinds = {settings.EVENTS_CHANNEL.encode(): "events"}
        self._client: valkey.Redis | None = None
        self.is_up = False

    @property
    def client(self) -> valkey.Redis:
        """Commands, on connections of their own beside the subscription."""
        if self._client is None:
            self._client = valkey.Redis.from_url(self._url, socket_timeout=2, socket_connect_timeout=2, max_connections=4)
        return self._client

    async def latest(self, pair: str) -> bytes | None:
        """The last price published for a pair, or None; also when Valkey does not answer."""
        try:
            found = await self.client.get(prices.key(pair))
        except (RedisError, OSError):
            return None
        return found if isinstance(found, bytes) else None

    async def run(self) -> None:
        """Listen until cancelled."""
        failures = 0
        while True:
            listener = valkey.Redis.from_url(self._url, socket_connect_timeout=2, health_check_interval=5)
            subscription = listener.pubsub(ignore_subscribe_messages=True)
            try:
                await subscription.subscribe(*self._kinds)
                await subscription.psubscribe(f"{prices.key('')}*")
                self.is_up, failures = True, 0
                self._on_return()
                while True:
                    message = await subscription.get_message(timeout=5)
                    if message is not None:
                        self._take(self._kinds.get(message["channel"], "prices"), message["data"])
            except (RedisError, OSError) as lost:
                if self.is_up:
                    logger.warning("live: Valkey is lost (%s); events are found by asking the database", lost)
                self.is_up = False
                failures += 1
            finally:
                await subscription.aclose()  # type: ignore[no-untyped-call]
                await listener.aclose()
            await asyncio.sleep(_RETRY_MS[min(failures, len(_RETRY_MS)) - 1] / 1000)

    def _take(self, kind: str, data: bytes) -> None:
        try:
            self._on_message(kind, data)
        except Exception:  # a message of a newer or broken publisher must not end the stream of all the others
            logger.exception("live: a message of %s was passed over", kind)
