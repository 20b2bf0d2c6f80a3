"""`fanout`: price updates delivered a second to 200 sockets of one live process, against `websockets`' own broadcast of the same frames.

Both servers are told of the next update by the same reader, at most eight updates ahead of the slowest of its sockets, and run in turn.
In the last round twenty more sockets do not read at all.
"""

import asyncio
import multiprocessing
import socket
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any

import redis
from django.conf import settings

from apps.pricing.feeds import bus
from bench import desk
from bench.live import live_role, rss_mb
from bench.rows import Row, row
from bench.sockets import Reader, keys_of, open_all

SOCKETS, STALLED, ROUNDS, AHEAD, PAIR = 200, 20, 3, 8, "BTC-USD"
SUB = b'{"op":"sub","ch":"prices.BTC-USD"}'


def run(seconds: int) -> list[Row]:
    desk.migrate()
    keys = keys_of(desk.open_desk(), SOCKETS + STALLED)
    desk.let_go()
    with redis.Redis.from_url(settings.VALKEY_URL) as valkey:
        text = valkey.get(bus.key(PAIR))
    assert isinstance(text, bytes)
    with live_role() as (port, pid):
        frame, ours, theirs, before, after = asyncio.run(_measure(port, pid, keys, text, max(1.0, seconds / 3)))
    note = (
        f"{SOCKETS} sockets, frames of {len(frame)} bytes, medians of {ROUNDS} rounds in turn; with {STALLED} more that do not read: "
        f"{ours[-1]:,.0f}/s, the process at {before} MB before and {after} MB after"
    )
    return [row("fanout", median(ours[:-1]), median(theirs), "frames/s", note)]


async def _measure(port: int, pid: int, keys: list[Any], text: bytes, seconds: float) -> tuple[bytes, list[float], list[float], int, int]:
    import redis.asyncio as valkey

    seen: list[bytes] = []
    line = valkey.Redis.from_url(settings.VALKEY_URL)

    async def publish() -> None:
        await line.publish(bus.key(PAIR), text)

    readers = await open_all(port, keys[:SOCKETS], [SUB], lambda _, frame: seen.append(frame) if len(seen) < 1000 else None)
    await publish()
    while not any(b'"type":"price"' in one for one in seen):
        await asyncio.sleep(0.01)
    frame = next(one for one in seen if b'"type":"price"' in one)
    for one in readers:
        one.on_frame = None
    ours: list[float] = []
    theirs: list[float] = []
    with _broadcaster(frame) as (limit_port, trigger):
        others = await open_all(limit_port, [None] * SOCKETS, [])
        for turn in range(ROUNDS + 1):
            got, limit = await _rate(readers, publish, seconds), await _rate(others, trigger, seconds)
            if turn:  # the first turn warms both up
                ours.append(got)
                theirs.append(limit)
        for one in others:
            one.transport.close()
    stalled = await open_all(port, keys[SOCKETS:], [SUB])
    for one in stalled:
        one.transport.pause_reading()
    before = rss_mb(pid)
    ours.append(await _rate(readers, publish, 2 * seconds))
    after = rss_mb(pid)
    assert sum(one.transport.is_closing() for one in readers) == 0, "a reader that reads was closed"
    await line.aclose()
    return frame, ours, theirs, before, after


async def _rate(readers: list[Reader], tell: Callable[[], Awaitable[None]], seconds: float) -> float:
    """Frames delivered a second, told of at most AHEAD updates before the slowest socket has them."""
    begun = [one.frames for one in readers]
    told, start = 0, time.perf_counter()
    end, patience = start + seconds, start
    while (now := time.perf_counter()) < end:
        slowest = min(one.frames - first for one, first in zip(readers, begun, strict=True))
        if told - slowest < AHEAD or now - patience > 0.1:  # conflated updates never come: after a while it goes on without them
            await tell()
            told, patience = max(told, slowest) + 1 if now - patience <= 0.1 else slowest + 1, now
        await asyncio.sleep(0)
    got = sum(one.frames - first for one, first in zip(readers, begun, strict=True))
    took = time.perf_counter() - start
    await asyncio.sleep(0.3)
    return got / took


class _broadcaster:  # noqa: N801 (used as a context)
    """A process with nothing but the library's server: each byte on its control line is one broadcast of the frame."""

    def __init__(self, frame: bytes) -> None:
        self._frame = frame

    def __enter__(self) -> tuple[int, Callable[[], Awaitable[None]]]:
        ours, theirs = socket.socketpair()
        report, told = multiprocessing.Pipe(duplex=False)
        self._process = multiprocessing.get_context("fork").Process(target=_serve, args=(self._frame, theirs, told), daemon=True)
        self._process.start()
        port: int = report.recv()
        self._line = ours

        async def trigger() -> None:
            ours.sendall(b"x")

        return port, trigger

    def __exit__(self, *_: object) -> None:
        self._line.close()
        self._process.terminate()
        self._process.join(10)


def _serve(frame: bytes, control: socket.socket, told: Any) -> None:
    from websockets.asyncio.server import ServerConnection, broadcast, serve

    async def main() -> None:
        connected: set[ServerConnection] = set()

        async def hold(connection: ServerConnection) -> None:
            connected.add(connection)
            try:
                await connection.wait_closed()
            finally:
                connected.discard(connection)

        text = frame.decode()
        control.setblocking(False)
        async with serve(hold, "127.0.0.1", 0, compression=None, ping_interval=None, subprotocols=["otc.v1.json"]) as server:  # type: ignore[list-item]
            told.send(next(iter(server.sockets)).getsockname()[1])
            loop = asyncio.get_running_loop()
            while asked := await loop.sock_recv(control, 64):
                for _ in asked:
                    broadcast(connected, text)

    asyncio.run(main())
