"""The event stream over WebSocket: in order, without gap or repeat, across as many connections as it takes."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

from websockets.asyncio.client import ClientConnection as AsyncConnection
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from .following import (
    REAUTH_S,
    Following,
    Frame,
    Heard,
    HistoryLost,
    Snapshot,
    StreamBroken,
    require_may_try_again,
    require_worth_coming_back,
)
from .keys import Key

__all__ = ["AsyncEventStream", "EventStream", "Frame", "HistoryLost", "Snapshot", "StreamBroken"]
TICK_S = 1.0


class EventStream:
    """Iterate over it: frames arrive in order; lost connections are made again and resumed.

    :param url: scheme, host and port of the live server, such as ``ws://localhost:8001``
    :param after_seq: the last sequence number you have handled; None starts with what happens from now on
    :param snapshot: begin with a picture of all that is open (`Snapshot`), in place of ``after_seq``
    :param channels: further channels, such as ``prices.BTC-USD`` (latest wins) or ``status``
    :param stop_when_idle_s: leave the iteration after so many seconds without a frame; None waits for ever
    :param reauth_s: sign the session anew this often
    """

    def __init__(
        self,
        url: str,
        key: Key,
        *,
        after_seq: int | None = None,
        events: bool = True,
        snapshot: bool = False,
        channels: tuple[str, ...] = (),
        stop_when_idle_s: float | None = None,
        reauth_s: float = REAUTH_S,
    ) -> None:
        self._at = Following(url, key, after_seq=after_seq, events=events, snapshot=snapshot, channels=channels, reauth_s=reauth_s)
        self.reconnects = 0
        self._idle_s = stop_when_idle_s
        self._connection: ClientConnection | None = None
        self._closed = False

    @property
    def last_seq(self) -> int | None:
        """The last event that was given out."""
        return self._at.last_seq

    def close(self) -> None:
        """End the iteration, from whatever thread."""
        self._closed = True
        if self._connection is not None:
            self._connection.close()

    def __iter__(self) -> Iterator[Heard]:
        idle_since = time.monotonic()
        while not self._closed:
            try:
                with connect(self._at.url, **self._at.connecting()) as connection:
                    self._connection = connection
                    for frame in self._frames(connection, idle_since):
                        yield frame
                        idle_since = time.monotonic()
                    return  # idle for long enough
            except ConnectionClosed as closed:
                if closed.rcvd:
                    require_worth_coming_back(closed.rcvd.code, closed.rcvd.reason)
            except InvalidStatus as refused:
                require_may_try_again(refused.response.status_code, refused.response.body)
            except (OSError, TimeoutError, InvalidHandshake):
                pass  # nobody there, or a proxy in between: try again
            if not self._closed:
                self.reconnects += 1
                time.sleep(self._at.pause_s())

    def _frames(self, connection: ClientConnection, idle_since: float) -> Iterator[Heard]:
        for text in self._at.greetings():
            connection.send(text)
        while not self._closed:
            try:
                raw = connection.recv(timeout=TICK_S)
            except TimeoutError:
                raw = None
            if raw is not None:
                for frame in self._at.heard(raw):
                    yield frame
                    idle_since = time.monotonic()
            for text in self._at.due():
                connection.send(text)
            if self._idle_s is not None and time.monotonic() - idle_since > self._idle_s:
                return


class AsyncEventStream:
    """`EventStream` for asyncio: ``async for frame in stream``. Parameters as there."""

    def __init__(
        self,
        url: str,
        key: Key,
        *,
        after_seq: int | None = None,
        events: bool = True,
        snapshot: bool = False,
        channels: tuple[str, ...] = (),
        stop_when_idle_s: float | None = None,
        reauth_s: float = REAUTH_S,
    ) -> None:
        self._at = Following(url, key, after_seq=after_seq, events=events, snapshot=snapshot, channels=channels, reauth_s=reauth_s)
        self.reconnects = 0
        self._idle_s = stop_when_idle_s
        self._connection: AsyncConnection | None = None
        self._closed = False

    @property
    def last_seq(self) -> int | None:
        """The last event that was given out."""
        return self._at.last_seq

    async def close(self) -> None:
        """End the iteration."""
        self._closed = True
        if self._connection is not None:
            await self._connection.close()

    async def __aiter__(self) -> AsyncIterator[Heard]:
        idle_since = time.monotonic()
        while not self._closed:
            try:
                async with connect_async(self._at.url, **self._at.connecting()) as connection:
                    self._connection = connection
                    async for frame in self._frames(connection, idle_since):
                        yield frame
                        idle_since = time.monotonic()
                    return  # idle for long enough
            except ConnectionClosed as closed:
                if closed.rcvd:
                    require_worth_coming_back(closed.rcvd.code, closed.rcvd.reason)
            except InvalidStatus as refused:
                require_may_try_again(refused.response.status_code, refused.response.body)
            except (OSError, TimeoutError, InvalidHandshake):
                pass  # nobody there, or a proxy in between: try again
            if not self._closed:
                self.reconnects += 1
                await asyncio.sleep(self._at.pause_s())

    async def _frames(self, connection: AsyncConnection, idle_since: float) -> AsyncIterator[Heard]:
        for text in self._at.greetings():
            await connection.send(text)
        while not self._closed:
            raw: str | bytes | None
            try:
                async with asyncio.timeout(TICK_S):
                    raw = await connection.recv()
            except TimeoutError:
                raw = None
            if raw is not None:
                for frame in self._at.heard(raw):
                    yield frame
                    idle_since = time.monotonic()
            for text in self._at.due():
                await connection.send(text)
            if self._idle_s is not None and time.monotonic() - idle_since > self._idle_s:
                return
