"""Crowds: who does not read costs nothing and loses nothing, and a thousand who fall off the line at once are soon whole again."""

import asyncio
import json
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flowdesk_client import EventStream, Frame, Key, sign
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.live.conftest import Firm, LiveProcess, another_key, found_firm, publish, write_events
from tests.ports import free_port
from tests.together import apart

pytestmark = pytest.mark.drill

PER_KEY, KEYS_A_FIRM = 10, 8
STALL_S, WHOLE_S = 10, 15  # the promises
BIG = json.dumps({"pair": "ETH-USD", "as_of": "2026-11-22T12:00:00+00:00", "mid": "1", "bids": [], "asks": [["3000.1", "1" * 8_000]]})


def crowd(firms: int) -> list[tuple[Firm, Key]]:
    """A key for each ten sockets, of as few firms as can be."""
    found = []
    for number in range(firms):
        firm = found_firm(f"crowd{number}")
        found += [(firm, firm.key), *((firm, another_key(firm)) for _ in range(KEYS_A_FIRM - 1))]
    return found


def open_lines(live: LiveProcess) -> int:
    """Connections that the server holds open."""
    lines = Path(f"/proc/{live.process.pid}/net/tcp").read_text().splitlines()[1:]
    return sum(row[1].endswith(f":{live.port:04X}") and row[3] == "01" for row in map(str.split, lines))


async def _open(live: LiveProcess, key: Key, **options: Any) -> ClientConnection:
    while True:
        try:
            return await connect(
                f"{live.url}/ws/v1/",
                additional_headers=sign(key, method="GET", host=live.host, path="/ws/v1/"),
                subprotocols=[Subprotocol("otc.v1.json")],
                compression=None,
                proxy=None,
                ping_interval=None,
                open_timeout=30,
                close_timeout=1,
                **options,
            )
        except (OSError, TimeoutError, EOFError):
            await asyncio.sleep(0.2)
        except InvalidStatus as refused:
            assert refused.response.status_code == 429  # the seats of a killed server lapse after seconds
            await asyncio.sleep(0.5)


async def _hear_to(socket: ClientConnection, last: int, top: int) -> int:
    """Read events in order after `last` until `top`, acknowledging; how far it came."""
    while last < top:
        message = json.loads(await socket.recv())
        if message.get("ch") == "events" and "op" not in message:
            assert message["seq"] == last + 1
            last += 1
            if last % 64 == 0:
                await socket.send(json.dumps({"op": "ack", "ch": "events", "seq": last}))
    return last


def test_two_hundred_stalled_readers_cost_little_are_closed_and_resume_whole(own_live: Callable[..., LiveProcess]) -> None:
    live = own_live()
    people = crowd(3)[:20]
    firms = {firm.client_id for firm, _ in people}

    async def run() -> None:
        sockets = [await _open(live, key, max_queue=1) for _, key in people for _ in range(PER_KEY)]
        for socket in sockets:
            await socket.send(json.dumps({"op": "sub", "ch": "events", "after_seq": 0}))
            await socket.send(json.dumps({"op": "sub", "ch": "prices.ETH-USD"}))
            await socket.recv()
            socket.transport.pause_reading()
        before = live.rss_kb()
        for client_id in firms:
            for _ in range(20):
                await asyncio.to_thread(write_events, client_id, 100, size=2_000)
        began, most = time.monotonic(), 0
        assert open_lines(live) == len(sockets)
        while time.monotonic() - began < STALL_S and open_lines(live):
            await asyncio.to_thread(publish, "prices:ETH-USD", BIG)
            most = max(most, live.rss_kb() - before)
            await asyncio.sleep(0.05)
        assert most < 50_000, f"{most} kB for {len(sockets)} readers that do not read"
        assert open_lines(live) == 0, "all are closed by then"
        codes: list[int] = []
        for socket in sockets:
            socket.transport.resume_reading()
            try:
                async with asyncio.timeout(STALL_S):
                    while True:
                        await socket.recv()
            except ConnectionClosed as closed:
                codes.append(closed.rcvd.code if closed.rcvd else 1006)
        assert len(codes) == len(sockets)
        assert set(codes) <= {4508, 1006}  # 1006 where the line was dropped before it took the close frame
        for _, key in people[:: PER_KEY // 2]:
            async with await _open(live, key) as again:
                await again.send(json.dumps({"op": "sub", "ch": "events", "after_seq": 0}))
                assert await _hear_to(again, 0, 2000) == 2000

    apart(run())


def test_a_thousand_sockets_that_drop_at_once_are_whole_again(
    own_live: Callable[..., LiveProcess], damage: psycopg.Connection[Any]
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(1000, (hard if hard != resource.RLIM_INFINITY else 65_536) - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)) if hard != resource.RLIM_INFINITY else 4096, hard))
    port = free_port()
    first = own_live(port)
    people = [one for one in crowd(-(-count // (PER_KEY * KEYS_A_FIRM))) for _ in range(PER_KEY)][:count]
    clients = {firm.client_id for firm, _ in people}

    async def one(firm: Firm, key: Key, live: LiveProcess, after: int, top: int) -> None:
        socket = await _open(live, key, max_size=2**20)
        await socket.send(json.dumps({"op": "sub", "ch": "events", "after_seq": after}))
        await _hear_to(socket, after, top)
        open_ones.append(socket)

    open_ones: list[ClientConnection] = []

    async def run() -> None:
        for client_id in clients:
            await asyncio.to_thread(write_events, client_id, 5)
        await asyncio.gather(*(one(firm, key, first, 0, 5) for firm, key in people))
        assert len(open_ones) == count
        for client_id in clients:
            await asyncio.to_thread(write_events, client_id, 5, nudge=False)
        open_ones.clear()
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        second = await asyncio.to_thread(own_live, port)
        async with asyncio.timeout(WHOLE_S):
            await asyncio.gather(*(one(firm, key, second, 5, 10) for firm, key in people))

    apart(run())


def test_more_than_a_hundred_thousand_missed_events_come_in_order_without_gap_or_repeat(own_live: Callable[..., LiveProcess]) -> None:
    live, firm, total = own_live(), found_firm("absent"), 120_000
    for _ in range(total // 10_000):
        write_events(firm.client_id, 10_000, nudge=False, days_ago=6)
    stream = EventStream(live.url, firm.key, after_seq=0)
    for expected, frame in enumerate(stream, 1):
        assert isinstance(frame, Frame)
        assert frame.seq == expected
        if expected == total:
            break
    stream.close()
    assert stream.reconnects == 0
