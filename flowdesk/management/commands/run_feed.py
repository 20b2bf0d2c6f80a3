"""Publishes prices on the bus. One feed leads, by a session lock in PostgreSQL; the others stand by and take over within seconds."""

import os
import signal
import socket
import threading
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from apps.core import money
from apps.core.errors import AppError
from apps.instruments import rules as calendar
from apps.pricing import queries as pricing
from apps.pricing.errors import UnknownVenue
from apps.pricing.feeds import bus, factory, recording
from apps.pricing.feeds.base import Feed, Shifted
from apps.pricing.feeds.composer import Composer
from apps.pricing.feeds.live import Live, require_venues
from apps.pricing.feeds.state import state_of
from apps.pricing.rules import Composite, Recipe

LEADER_LOCK = 7_301_001  # the advisory lock's number: one leading feed a database
TICK_S, STANDBY_S, TELL_EVERY_S, RECIPE_EVERY_S = 1, 1, 30, 5
FIRST_BOOKS_S = 20  # how long `--once` waits for live venues
DAY = timedelta(days=1)


class Command(BaseCommand):
    help = "Publish composite prices on the bus, as the one leading feed; stands by while another leads."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--prices", type=Path, help="recorded prices: bars, book snapshots or depth updates, .csv or .csv.gz")
        parser.add_argument("--seed", type=int, default=1, help="what is simulated follows from it (default 1)")
        parser.add_argument("--speed", type=int, default=1, help="times as fast as the desk clock (default 1)")
        parser.add_argument(
            "--venues", default=",".join(settings.FEED_VENUES), help="live venues through ccxt, e.g. kraken,coinbase (default FEED_VENUES)"
        )
        parser.add_argument(
            "--once", action="store_true", help="publish once and end; exit 1 when another feed leads or a pair has no price"
        )

    def handle(self, *args: Any, prices: Path | None, seed: int, speed: int, venues: str, once: bool, **options: Any) -> None:
        if not 1 <= speed <= 3600:
            raise CommandError(f"--speed {speed}: a whole number from 1 to 3600")
        names = [name.strip().lower() for name in venues.split(",") if name.strip()]
        if names and (prices is not None or speed > 1):
            raise CommandError("--venues: live prices are neither recorded nor faster; leave out --prices and --speed")
        try:
            recorded = recording.read(prices) if prices is not None else None
        except AppError as no:
            raise CommandError(f"--prices [{no.code}]: {no.detail}") from no
        money.use_exact_context()
        self._recorded, self._seed, self._speed = recorded, seed, speed
        try:
            line = closing(live_feed(names)) if names else nullcontext()
        except AppError as no:
            raise CommandError(f"--venues [{no.code}]: {no.detail}") from no
        stop = threading.Event()
        with _stops_on_signals(stop), line as live:
            if once:
                self._publish_once(live)
            else:
                self._serve(live, stop)

    def _publish_once(self, live: Live | None) -> None:
        with _session() as session:
            if not _try_lead(session):
                raise CommandError("another feed leads and publishes; nothing was done")
            now = _desk_now(session)
            composer = Composer(live or self._feed(now), self._recipe())
            composites = composer.composites(now)
            end = time.monotonic() + FIRST_BOOKS_S
            while live is not None and time.monotonic() < end and not all(depth.is_dealable for depth in composites.values()):
                time.sleep(TICK_S)
                now = _desk_now(session)
                composites = composer.composites(now)
            try:
                bus.publish(composites.values())
            except AppError as no:
                raise CommandError(f"[{no.code}]: {no.detail}") from no
        self._tell(composites, now, live)
        if dead := [pair for pair, depth in composites.items() if not depth.is_dealable]:
            raise CommandError(f"no healthy source: {', '.join(dead)}")

    def _serve(self, live: Live | None, stop: threading.Event) -> None:
        waiting = False
        while not stop.is_set():
            try:
                with _session() as session:
                    if _try_lead(session):
                        waiting = False
                        self._say("feed: leading")
                        self._lead(session, live, stop)
                    elif not waiting:
                        waiting = True
                        self._say("feed: another feed leads, standing by")
            except (psycopg.Error, DatabaseError) as lost:
                # With the session goes the lock: another may lead from now on, so this one stops publishing and asks again.
                self.stderr.write(f"feed: PostgreSQL: {str(lost).strip().splitlines()[0]}; trying again")
            stop.wait(STANDBY_S)
        self._say("feed: stopped")

    def _lead(self, session: psycopg.Connection[Any], live: Live | None, stop: threading.Event) -> None:
        feed: Feed = live or self._feed(_desk_now(session))
        kind = "live" if live is not None else "replay" if self._recorded is not None else "simulator"
        composer = Composer(feed, self._recipe())
        ticks, silent, began = 0, False, time.monotonic()
        while not stop.is_set():
            now = _desk_now(session)  # also the proof that the session, and so the lock, still lives
            if ticks % (RECIPE_EVERY_S // TICK_S) == 0:
                composer.recipe = self._recipe()
            composites = composer.composites(now)
            try:
                bus.publish(composites.values())
                bus.publish_state(
                    state_of(
                        composites.values(),
                        live.health() if live is not None else (),
                        kind=kind,
                        leader=f"{socket.gethostname()}:{os.getpid()}",
                        leads_s=int(time.monotonic() - began),
                        now=now,
                    )
                )
                silent = False
            except AppError as no:
                if not silent:
                    self.stderr.write(f"feed: [{no.code}]: {no.detail}; trying again")
                silent = True
            if ticks % (TELL_EVERY_S // TICK_S) == 0:
                self._tell(composites, now, live)
            ticks += 1
            stop.wait(TICK_S)

    def _recipe(self) -> Recipe:
        """As policies and venues say now. A recording played faster jumps by itself: there no jump is a lie."""
        try:
            recipe = pricing.get_recipe()
        finally:
            connection.close()
        if self._speed > 1:
            recipe = replace(recipe, health={pair: replace(one, max_jump_bps=money.ZERO) for pair, one in recipe.health.items()})
        return recipe

    def _tell(self, composites: dict[str, Composite], now: datetime, live: Live | None) -> None:
        for pair, depth in composites.items():
            venues = " ".join(f"{source.venue}({','.join((f'{source.age_ms} ms', *source.reasons))})" for source in depth.sources)
            if depth.is_dealable:
                age_ms = depth.age(now) // timedelta(milliseconds=1)
                self._say(
                    f"{pair} mid {money.text(money.round_even(depth.mid, 6))} spread {depth.spread_bps} bp age {age_ms} ms venues {venues}"
                )
            else:
                self._say(f"{pair} no price venues {venues or 'none'}")
        for one in live.health() if live is not None else ():
            silent = "never heard" if one.silent_ms is None else f"heard {one.silent_ms} ms ago"
            self._say(
                f"{one.venue} {one.state} {silent} messages {one.messages} refused {one.refused} again {one.reconnects} {one.why}".rstrip()
            )

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()  # a supervisor reads a pipe, and a pipe is not flushed by the line

    def _feed(self, now: datetime) -> Feed:
        """The feed for a desk whose clock says `now`. A recording of another time is played from its first instant on, as if it were now.

        What is simulated starts on the last day of the month before, so that every feed of a month, whenever it was started, walks the
        same path, and the last hour's volatility is known from the first tick.
        """
        recorded, seed, speed = self._recorded, self._seed, self._speed
        day = calendar.business_date(now).replace(day=1) - DAY
        if recorded is not None and not recorded.first_at <= now < recorded.last_at:
            day = calendar.business_date(recorded.first_at)
            return Shifted(factory.join(recorded, seed, day - DAY), began=now, origin=recorded.first_at, speed=speed)
        feed = factory.join(recorded, seed, day)
        return Shifted(feed, began=now, origin=now, speed=speed) if speed > 1 else feed


def live_feed(names: list[str]) -> Live:
    """Live venues for every pair that is no cross, each venue with a fee on record.

    :raises UnknownVenue, FeedUnavailable: as `Live` says, and where no fee is set
    """
    fees = pricing.get_recipe().fees_bps
    pairs = [policy.pair_code for policy in pricing.list_policies() if not policy.legs]
    connection.close()
    require_venues(names)
    if missing := [name for name in names if name not in fees]:
        raise UnknownVenue(f"no taker fee is set for {', '.join(missing)}: set it under Desk, Pricing")
    return Live(names, pairs)


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
