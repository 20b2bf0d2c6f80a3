"""The typed client, sync and asyncio: one attribute for each resource, Decimal in and out."""

import asyncio
import time
from datetime import timedelta
from typing import Any

from .aresources import AsyncResources
from .arest import AsyncApi
from .errors import FlowdeskError, Refused, Unreachable
from .keys import Key
from .models import Outcome, Rfq
from .resources import Resources
from .rest import Api

WAITS_FOR_A_PRICE = frozenset({"RECEIVED", "PICKED_UP", "ON_HOLD"})


class Client(Resources):
    """``client.rfqs.create(instrument="BTC-USD", side="buy", quantity=Decimal("2.5"))``, ``client.quotes.accept(…)``, and so on.

    Lists have ``list`` for one page and ``iterate`` for all. What was answered is a model of `flowdesk_client.models`.
    ``client.api`` is the plain door beneath.

    :param options: of `Api`: ``attempts``, ``timeout_s``, ``max_wait_s``, ``headers``, ``transport``, ``sleep``
    """

    def __init__(self, base_url: str, key: Key, **options: Any) -> None:
        self.api = Api(base_url, key, **options)
        super().__init__(self.api)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.api.close()

    def jwks(self) -> dict[str, Any]:
        """The desk's public keys, for `verify_receipt`."""
        return self.api.jwks()

    def clock_skew(self) -> timedelta:
        """How far the server's wall clock is ahead of this machine's, to half a round trip. From now on signatures go by the server's."""
        before = time.time()
        theirs = self.time.get().wall
        skew_s = theirs.timestamp() - (before + time.time()) / 2
        self.api.clock.skew_s = skew_s
        return timedelta(seconds=skew_s)

    def outcome_of(self, lost: Unreachable | Refused, *, wait_s: float = 60.0) -> Outcome:
        """What became of a request whose answer was lost, asked for by your own id until it is definite.

        :param lost: what the call raised
        :param wait_s: how long to ask at most; never_received is definite 40 s after the request was sent
        :raises FlowdeskError: the request had no id of yours; send it again with ``lost.idempotency_key``
        """
        reference = _reference(lost)
        end = time.monotonic() + wait_s
        while True:
            out = self.by_client_id.get(reference, created=lost.sent_at)
            if out.outcome != "unknown_yet" or time.monotonic() >= end:
                return out
            time.sleep(min(2.0, max(0.0, end - time.monotonic())))

    def wait_for_price(self, rfq: Rfq, *, timeout_s: float = 60.0, every_s: float = 0.5) -> Rfq:
        """Ask for a request until a person priced it or it ended; the last state when the time is over."""
        end = time.monotonic() + timeout_s
        while rfq.status in WAITS_FOR_A_PRICE and time.monotonic() < end:
            time.sleep(every_s)
            rfq = self.rfqs.get(rfq.id)
        return rfq


class AsyncClient(AsyncResources):
    """`Client` for asyncio: the same methods, awaited; ``iterate`` is an async iterator."""

    def __init__(self, base_url: str, key: Key, **options: Any) -> None:
        self.api = AsyncApi(base_url, key, **options)
        super().__init__(self.api)

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self.api.close()

    async def jwks(self) -> dict[str, Any]:
        """The desk's public keys, for `verify_receipt`."""
        return await self.api.jwks()

    async def clock_skew(self) -> timedelta:
        """As `Client.clock_skew`."""
        before = time.time()
        theirs = (await self.time.get()).wall
        skew_s = theirs.timestamp() - (before + time.time()) / 2
        self.api.clock.skew_s = skew_s
        return timedelta(seconds=skew_s)

    async def outcome_of(self, lost: Unreachable | Refused, *, wait_s: float = 60.0) -> Outcome:
        """As `Client.outcome_of`."""
        reference = _reference(lost)
        end = time.monotonic() + wait_s
        while True:
            out = await self.by_client_id.get(reference, created=lost.sent_at)
            if out.outcome != "unknown_yet" or time.monotonic() >= end:
                return out
            await asyncio.sleep(min(2.0, max(0.0, end - time.monotonic())))

    async def wait_for_price(self, rfq: Rfq, *, timeout_s: float = 60.0, every_s: float = 0.5) -> Rfq:
        """As `Client.wait_for_price`."""
        end = time.monotonic() + timeout_s
        while rfq.status in WAITS_FOR_A_PRICE and time.monotonic() < end:
            await asyncio.sleep(every_s)
            rfq = await self.rfqs.get(rfq.id)
        return rfq


def _reference(lost: Unreachable | Refused) -> str:
    if not lost.reference:
        raise FlowdeskError("this request had no id of yours: send it again with the same idempotency key")
    return lost.reference
