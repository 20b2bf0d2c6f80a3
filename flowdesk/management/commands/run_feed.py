"""Publishes prices on the bus. One feed leads, by a session lock in PostgreSQL; the others stand by and take over within seconds."""

import signal
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from apps.core import money
from apps.core.errors import AppError
from apps.instruments import rules as calendar
from apps.pricing.feeds import bus, factory, recording
from apps.pricing.feeds.base import Feed, Shifted
from apps.pricing.feeds.composer import Composer
from apps.pricing.rules import Composite

LEADER_LOCK = 7_301_001  # the advisory lock's number: one leading feed a database
TICK_S, STANDBY_S, TELL_EVERY_S = 1, 1, 30
DAY = timedelta(days=1)


class Command(BaseCommand):
    help = "Publish composite prices on the bus, as the one leading feed; stands by while another leads."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--prices", type=Path, help="recorded prices: 1-minute bars or Tardis book snapshots, .csv or .csv.gz")
        parser.add_argument("--seed", type=int, default=1, help="what is simulated follows from it (default 1)")
        parser.add_argument("--speed", type=int, default=1, help="times as fast as the desk clock (default 1)")
        parser.add_argument(
            "--once", action="store_true", help="publish once and end; exit 1 when another feed leads or a pair has no price"
        )

    def handle(self, *args: Any, prices: Path | None, seed: int, speed: int, once: bool, **options: Any) -> None:
        if not 1 <= speed <= 3600:
            raise CommandError(f"--speed {speed}: a whole number from 1 to 3600")
        try:
            recorded = recording.read(prices) if prices is not None else None
        except AppError as no:
            raise CommandError(f"--prices [{no.code}]: {no.detail}") from no
        money.use_exact_context()
        stop = threading.Event()
        with _stops_on_signals(stop):
            if once:
                self._publish_once(recorded, seed, speed)
            else:
                self._serve(recorded, seed, speed, stop)

    def _publish_once(self, recorded: recording.Recording | None, seed: int, speed: int) -> None:
        with _session() as session:
            if not _try_lead(session):
                raise CommandError("another feed leads and publishes; nothing was done")
            now = _desk_now(session)
            composites = Composer(_feed(recorded, seed, speed, now)).composites(now)
            try:
                bus.publish(composites.values())
            except AppError as no:
                raise CommandError(f"[{no.code}]: {no.detail}") from no
        self._tell(composites, now)
        if dead := [pair for pair, depth in composites.items() if not depth.is_dealable]:
            raise CommandError(f"no healthy source: {', '.join(dead)}")

    def _serve(self, recorded: recording.Recording | None, seed: int, speed: int, stop: threading.Event) -> None:
        waiting = False
        while not stop.is_set():
            try:
                with _session() as session:
                    if _try_lead(session):
                        waiting = False
                        self._say("feed: leading")
                        self._lead(session, recorded, seed, speed, stop)
                    elif not waiting:
                        waiting = True
                        self._say("feed: another feed leads, standing by")
            except psycopg.Error as lost:
                # With the session goes the lock: another may lead from now on, so this one stops publishing and asks again.
                self.stderr.write(f"feed: PostgreSQL: {str(lost).strip().splitlines()[0]}; trying again")
            stop.wait(STANDBY_S)
        self._say("feed: stopped")

    def _lead(
        self, session: psycopg.Connection[Any], recorded: recording.Recording | None, seed: int, speed: int, stop: threading.Event
    ) -> None:
        composer = Composer(_feed(recorded, seed, speed, _desk_now(session)))
        ticks, silent = 0, False
        while not stop.is_set():
            now = _desk_now(session)  # also the proof that the session, and so the lock, still lives
            composites = composer.composites(now)
            try:
                bus.publish(composites.values())
                silent = False
            except AppError as no:
                if not silent:
                    self.stderr.write(f"feed: [{no.code}]: {no.detail}; trying again")
                silent = True
            if ticks % (TELL_EVERY_S // TICK_S) == 0:
                self._tell(composites, now)
            ticks += 1
            stop.wait(TICK_S)

    def _tell(self, composites: dict[str, Composite], now: datetime) -> None:
        for pair, depth in composites.items():
            venues = " ".join(source.venue + ("" if source.used else f"({','.join(source.reasons)})") for source in depth.sources)
            if depth.is_dealable:
                age_ms = depth.age(now) // timedelta(milliseconds=1)
                self._say(
                    f"{pair} mid {money.text(money.round_even(depth.mid, 6))} spread {depth.spread_bps} bp age {age_ms} ms venues {venues}"
                )
            else:
                self._say(f"{pair} no price venues {venues or 'none'}")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()  # a supervisor reads a pipe, and a pipe is not flushed by the line


def _feed(recorded: recording.Recording | None, seed: int, speed: int, now: datetime) -> Feed:
    """The feed for a desk whose clock says `now`. A recording of another time is played from its first instant on, as if it were now.

    What is simulated starts on the last day of the month before, so that every feed of a month, whenever it was started, walks the same
    path, and the last hour's volatility is known from the first tick.
    """
    day = calendar.business_date(now).replace(day=1) - DAY
    if recorded is not None and not recorded.first_at <= now < recorded.last_at:
        day = calendar.business_date(recorded.first_at)
        return Shifted(factory.join(recorded, seed, day - DAY), began=now, origin=recorded.first_at, speed=speed)
    feed = factory.join(recorded, seed, day)
    return Shifted(feed, began=now, origin=now, speed=speed) if speed > 1 else feed


@contextmanager
def _session() -> Iterator[psycopg.Connection[Any]]:
    """A connection of our own, outside the pool and never in a transaction: the lock lives exactly as long as it does.

    Where the leader's machine vanishes without a word, the server finds out by its keepalives and frees the lock.
    """
    params = {
        name: value for name, value in connection.get_connection_params().items() if name not in {"pool", "cursor_factory", "context"}
    }
    params["options"] = f"{params.get('options', '')} -c tcp_keepalives_idle=2 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=2"
    with psycopg.connect(**params, autocommit=True, connect_timeout=3) as session:
        yield session


def _try_lead(session: psycopg.Connection[Any]) -> bool:
    row = session.execute("SELECT pg_try_advisory_lock(%s)", [LEADER_LOCK]).fetchone()
    return row is not None and bool(row[0])


def _desk_now(session: psycopg.Connection[Any]) -> datetime:
    row = session.execute("SELECT desk_now()").fetchone()
    assert row is not None
    now: datetime = row[0]
    return now


@contextmanager
def _stops_on_signals(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and Ctrl-C end the loop after the tick that runs; the handlers of before come back. Only the main thread may set them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
