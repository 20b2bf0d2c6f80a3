"""REST for asyncio: `Api` with awaits. What is signed, sent again and understood is the same code (sending.py)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from .errors import Unreachable
from .keys import Key
from .rest import JWKS
from .sending import Call, Clock
from .wire import Page, decode

T = TypeVar("T")


class AsyncApi:
    """The plain door for asyncio. Parameters as `Api`."""

    def __init__(
        self,
        base_url: str,
        key: Key,
        *,
        attempts: int = 5,
        timeout_s: float = 10.0,
        max_wait_s: float = 30.0,
        headers: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.key, self.clock, self._attempts, self._max_wait_s, self._sleep = key, Clock(), attempts, max_wait_s, sleep
        sent = {"Accept": "application/json", **(headers or {})}
        self._http = httpx.AsyncClient(base_url=base_url, timeout=timeout_s, transport=transport, headers=sent)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def get(self, path: str, **params: Any) -> Any:
        """GET; parameters that are None are left out."""
        return await self.call("GET", path, params=params)

    async def post(self, path: str, body: Mapping[str, Any] | None = None, *, idempotency_key: str = "") -> Any:
        return await self.call("POST", path, body=body, idempotency_key=idempotency_key)

    async def patch(self, path: str, body: Mapping[str, Any] | None = None, *, idempotency_key: str = "") -> Any:
        return await self.call("PATCH", path, body=body, idempotency_key=idempotency_key)

    async def delete(self, path: str, body: Mapping[str, Any] | None = None, *, idempotency_key: str = "") -> Any:
        return await self.call("DELETE", path, body=body, idempotency_key=idempotency_key)

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        idempotency_key: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """As `Api.call`. A cancelled call may have been done: send it again with the same key, or ask by your client id."""
        call = Call(
            self.key,
            self.clock,
            method,
            path,
            params=params,
            body=body,
            idempotency_key=idempotency_key,
            max_wait_s=self._max_wait_s,
        )
        for attempt in range(self._attempts):
            if attempt:
                await self._sleep(call.pause_s(attempt))
            request = self._http.build_request(method, path, params=call.params or None, content=call.content, headers=headers)
            call.sign(request)
            try:
                answer = await self._http.send(request)
            except httpx.TransportError as lost:
                call.lost(lost)
                continue
            if call.is_answered(answer):
                return call.result
        raise call.gave_up()

    async def jwks(self) -> dict[str, Any]:
        """The desk's public keys, for `verify_receipt`."""
        try:
            return dict((await self._http.get(JWKS)).raise_for_status().json())
        except (httpx.HTTPError, ValueError) as lost:
            raise Unreachable(f"GET {JWKS}: {lost!r}") from lost

    async def ask(
        self,
        method: str,
        path: str,
        hint: type[T],
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        idempotency_key: str = "",
    ) -> T:
        """`call`, with the answer read as a type."""
        out: T = decode(hint, await self.call(method, path, params=params, body=body, idempotency_key=idempotency_key))
        return out

    async def walk(self, path: str, hint: type[T], params: Mapping[str, Any]) -> AsyncIterator[T]:
        """Every item of a list, page by page."""
        cursor: str | None = None
        while True:
            page: Page[T] = await self.ask("GET", path, Page[hint], params={**params, "cursor": cursor})  # type: ignore[valid-type]
            for one in page:
                yield one
            if not (cursor := page.next_cursor):
                return

    async def walk_seq(self, path: str, hint: type[T], params: Mapping[str, Any]) -> AsyncIterator[T]:
        """Every item of a list that is counted, up to the last there is."""
        seen = params.get("after_seq") or 0
        while page := (await self.call("GET", path, params={**params, "after_seq": seen}))["data"]:
            for one in page:
                yield decode(hint, one)
            seen = page[-1]["seq"]
