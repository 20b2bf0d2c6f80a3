"""`LiveClient` for asyncio: the same methods, awaited; channels are async iterators."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Self, TypeVar, cast

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from .aresources import AsyncOrdersResource, AsyncQuotesResource, AsyncRfqsResource
from .arest import AsyncApi
from .dealing import KEPT, Conversation, refused_handshake, require_not_ours
from .errors import FlowdeskError, LiveClosed, Refused
from .following import Frame
from .keys import Key
from .wire import Number, decode

T = TypeVar("T")
TICK_S = 1.0


class AsyncLiveClient:
    """Parameters and behaviour of `LiveClient`, within one event loop."""

    def __init__(
        self,
        url: str,
        key: Key,
        *,
        attempts: int = 5,
        timeout_s: float = 10.0,
        max_wait_s: float = 30.0,
        cancel_on_disconnect: bool = False,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._talk = Conversation(url, key, cancel_on_disconnect=cancel_on_disconnect, max_wait_s=max_wait_s)
        self._attempts, self._timeout_s, self._sleep = attempts, timeout_s, sleep
        self._lock = asyncio.Lock()
        self._connection: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._answers: dict[str, asyncio.Future[httpx.Response]] = {}
        self._heard: dict[str, asyncio.Queue[Frame | Exception]] = {}
        self._closed = False
        self.reconnects = 0
        door = cast(AsyncApi, self)  # the resources ask nothing else of it than `ask`
        rfqs, quotes = AsyncRfqsResource(door), AsyncQuotesResource(door)
        self.rfq, self.cancel, self.order = rfqs.create, rfqs.cancel, AsyncOrdersResource(door).create
        self.accept, self.decline, self.counter = quotes.accept, quotes.decline, quotes.counter

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End the socket; whoever waits is told."""
        self._closed = True
        if self._connection is not None:
            await self._connection.close()
        if self._reader is not None:
            await self._reader

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
        """As `LiveClient.ask`."""
        call, id, message = self._talk.command(method, path, body, idempotency_key)
        for attempt in range(self._attempts):
            if attempt:
                await self._sleep(call.pause_s(attempt))
            try:
                answer = await self._send(id, self._talk.text_of(call, message))
            except ConnectionClosed as lost:
                if lost.rcvd:
                    require_not_ours(lost.rcvd.code, lost.rcvd.reason)
                call.lost(httpx.ReadError(f"the socket was closed: {lost}"))
                continue
            except InvalidStatus as no:
                answer = refused_handshake(no.response.status_code, no.response.headers, no.response.body)
            except (OSError, TimeoutError, InvalidHandshake) as lost:
                call.lost(httpx.ConnectError(repr(lost)))
                continue
            if call.is_answered(answer):
                return cast(T, decode(hint, call.result))
        raise call.gave_up()

    async def hear(self, ch: str, *, sizes: tuple[Number, ...] = (), timeout_s: float | None = None) -> AsyncIterator[Frame]:
        """As `LiveClient.hear`; it is heard from the first step of the iteration on."""
        connection = await self._connect()
        heard = self._heard.setdefault(ch, asyncio.Queue())
        if ch not in self._talk.subscriptions:
            with contextlib.suppress(ConnectionClosed):  # the next socket says it anew
                await connection.send(self._talk.subscribe(ch, sizes))
        while True:
            try:
                async with asyncio.timeout(timeout_s):
                    one = await heard.get()
            except TimeoutError:
                return
            if isinstance(one, Exception):
                raise one
            yield one

    async def _send(self, id: str, text: str) -> httpx.Response:
        connection = await self._connect()
        waiting: asyncio.Future[httpx.Response] = asyncio.get_running_loop().create_future()
        self._answers[id] = waiting
        try:
            await connection.send(text)
            async with asyncio.timeout(self._timeout_s):
                return await waiting
        finally:
            self._answers.pop(id, None)

    async def _connect(self) -> ClientConnection:
        async with self._lock:
            if self._closed:
                raise LiveClosed(1000, "this client is closed")
            if self._connection is None:
                connection = await connect(self._talk.url, **self._talk.connecting())
                for text in self._talk.greetings():
                    await connection.send(text)
                self._connection = connection
                self._reader = asyncio.create_task(self._read(connection))
            return self._connection

    async def _read(self, connection: ClientConnection) -> None:
        ended: Exception = ConnectionError("the socket was closed")
        try:
            while True:
                try:
                    async with asyncio.timeout(TICK_S):
                        raw = await connection.recv()
                except TimeoutError:
                    pass
                else:
                    self._hand_on(self._talk.take(raw))
                for text in self._talk.due():
                    await connection.send(text)
        except (ConnectionClosed, OSError, FlowdeskError) as lost:
            ended = lost
        await connection.close()
        self._connection = None
        for waiting in list(self._answers.values()):
            if not waiting.done():
                waiting.set_exception(ended)
        await self._go_on(ended)

    def _hand_on(self, told: tuple[str, Any] | None) -> None:
        if told is None:
            return
        name, what = told
        if name in self._answers:
            waiting = self._answers[name]
            if not waiting.done():
                waiting.set_exception(what) if isinstance(what, Exception) else waiting.set_result(what)
        elif name in self._heard:
            heard = self._heard[name]
            if isinstance(what, Exception):
                del self._heard[name]
                self._talk.subscriptions.pop(name, None)
            elif heard.qsize() >= KEPT:
                heard.get_nowait()
            heard.put_nowait(what)

    async def _go_on(self, ended: Exception) -> None:
        refused: Exception = LiveClosed(1000, "this client is closed")
        while self._heard and not self._closed:
            try:
                if isinstance(ended, ConnectionClosed) and ended.rcvd:
                    require_not_ours(ended.rcvd.code, ended.rcvd.reason)
                await asyncio.sleep(self._talk.pause_s())
                self.reconnects += 1
                await self._connect()
                return
            except InvalidStatus as no:
                if no.response.status_code >= 500 or no.response.status_code == 429:
                    continue
                refused = Refused(no.response.status_code, {"detail": "the handshake was refused"})
            except LiveClosed as no:
                refused = no
            except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed) as lost:
                ended = lost
                continue
            break
        for heard in self._heard.values():
            heard.put_nowait(refused)
