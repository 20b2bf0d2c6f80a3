"""`events`: from a fact in its transaction to its frame at a subscribed client, p99 at 100 facts a second, against LISTEN/NOTIFY.

Both are timed from `clock_timestamp()` in the statement that writes the row, just before COMMIT, to the arrival at a client of the same
kind: ours through `events.record`, the nudge, the reader and the socket; the limit through an INSERT with `pg_notify`, a
process that listens, and a bare TCP line.
"""

import asyncio
import json
import multiprocessing
import time
from collections.abc import Iterator
from datetime import datetime
from statistics import median, quantiles
from typing import Any
from uuid import UUID

import psycopg

from apps.core import ids
from apps.core.unit import use_case
from apps.events import operations as events
from bench import desk
from bench.live import live_role
from bench.rows import Row, row
from bench.sockets import Reader, open_all, text_frame

RATE, ROUNDS = 100, 3
_NOTE = "WITH f AS (INSERT INTO bench_fact (payload) VALUES (%s) RETURNING at) SELECT pg_notify('bench', at::text) FROM f"
_TABLE = (
    "CREATE TABLE bench_fact (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload text NOT NULL, at timestamptz NOT NULL DEFAULT "
    "clock_timestamp())"
)


def run(seconds: int) -> list[Row]:
    desk.migrate()
    dealers = desk.open_desk()
    with desk.superuser() as session:
        session.execute(_TABLE.encode())
    desk.let_go()
    with live_role() as (port, _):
        ours, limit = asyncio.run(_measure(port, dealers[0], max(1, RATE * seconds // ROUNDS)))
    note = (
        f"{len(ours)} facts at {RATE}/s, {ROUNDS} rounds in turn; medians {median(ours):.2f} and {median(limit):.2f} ms; the limit is an "
        "INSERT with pg_notify, a listener and a bare TCP line"
    )
    return [row("events", _p99(ours), _p99(limit), "ms p99", note)]


async def _measure(port: int, dealer: desk.Dealer, count: int) -> tuple[list[float], list[float]]:
    ours: list[float] = []
    limit: list[float] = []

    def on_frame(reader: Reader, frame: bytes) -> None:
        arrived = time.time_ns()
        if b'"type":"bench.fact"' in frame:
            told = json.loads(frame)
            ours.append(arrived / 1e6 - _ms(told["ts"]))
            if told["seq"] % 64 == 0:
                reader.transport.write(text_frame(b'{"op":"ack","ch":"events","seq":%d}' % told["seq"]))

    await open_all(port, [dealer.key], [b'{"op":"sub","ch":"events"}'], on_frame)
    report, told = multiprocessing.Pipe(duplex=False)
    relay = multiprocessing.get_context("fork").Process(target=_relay, args=(told, desk.superuser().info.dsn), daemon=True)
    relay.start()
    line, _ = await asyncio.open_connection("127.0.0.1", report.recv())
    listening = asyncio.ensure_future(_hear(line, limit))
    await asyncio.sleep(0.5)
    loop = asyncio.get_running_loop()
    for turn in range(ROUNDS + 1):
        facts = count if turn else RATE // 2
        for write, heard in ((_write_facts, ours), (_write_notes, limit)):
            already = len(heard)
            await loop.run_in_executor(None, write, dealer, facts)
            await _until(heard, already + facts)
        if not turn:  # the first turn warms both up
            ours.clear()
            limit.clear()
    listening.cancel()
    relay.terminate()
    relay.join(10)
    return ours, limit


def _write_facts(dealer: desk.Dealer, count: int) -> None:
    for number in _paced(count):
        _fact(client_id=dealer.actor.client_id, number=number)
    desk.let_go()


@use_case
def _fact(*, client_id: UUID, number: int, now: datetime) -> None:
    events.record("bench.fact", subject_type="bench", subject_id=ids.uuid7(), client_id=client_id, public={"n": number, "pad": "x" * 300})


def _write_notes(_: desk.Dealer, count: int) -> None:
    with desk.superuser() as session:
        for _number in _paced(count):
            session.execute(_NOTE, ["x" * 300])


def _paced(count: int) -> Iterator[int]:
    start = time.perf_counter()
    for number in range(count):
        time.sleep(max(0.0, start + number / RATE - time.perf_counter()))
        yield number


def _relay(told: Any, dsn: str) -> None:
    """Listen to the database, write what is notified to a bare line."""

    async def main() -> None:
        line: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
        server = await asyncio.start_server(lambda _, writer: line.set_result(writer), "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        session = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
        await session.execute("LISTEN bench")
        writer = await line
        async for note in session.notifies():
            writer.write(note.payload.encode() + b"\n")

    asyncio.run(main())


async def _hear(line: asyncio.StreamReader, limit: list[float]) -> None:
    while text := await line.readline():
        arrived = time.time_ns()
        limit.append(arrived / 1e6 - _ms(text.decode().strip()))


async def _until(heard: list[float], count: int) -> None:
    """All have come, within a minute."""
    async with asyncio.timeout(60):
        while len(heard) < count:
            await asyncio.sleep(0.01)


def _ms(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000


def _p99(values: list[float]) -> float:
    return quantiles(values, n=100)[98]
