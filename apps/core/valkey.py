"""Valkey for a request: commands in one round trip, asked ahead where it is known what will be needed.

`ahead` sends and does not wait; `ask` takes what was sent ahead, or sends now. Who asks gets the same answer or the same failure either
way, so its way without Valkey stays its own.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)

PAUSE_S = 1  # so long `shout` leaves a Valkey alone that could not be reached
Command = tuple[str | bytes | int, ...]

flights = 0  # round trips of this process: tests hold the hot paths to their number
shouts = 0  # and what is sent without one


class _Ahead:
    """Of one request: what is under way, and the answers that nobody has asked for yet."""

    def __init__(self) -> None:
        self.under_way: list[tuple[Sequence[Command], _Flight]] = []
        self.answers: dict[Command, Any] = {}

    def land(self) -> dict[Command, Any]:
        under_way, self.under_way = self.under_way, []
        for commands, flight in under_way:
            try:
                answers = flight.land()
            except (redis.RedisError, OSError) as lost:
                answers = [lost] * len(commands)
            self.answers.update(zip(commands, answers, strict=True))
        return self.answers


_ahead: ContextVar[_Ahead | None] = ContextVar("ahead", default=None)


@contextmanager
def gathered() -> Iterator[None]:
    """What is sent ahead is kept for who asks, until the context ends."""
    here = _Ahead()
    token = _ahead.set(here)
    try:
        yield
    finally:
        _ahead.reset(token)
        here.land()


def ahead(commands: Sequence[Command]) -> None:
    """Send all, for the `ask` of each that follows, and go on; a failure is kept for them too."""
    here = _ahead.get()
    if here is None or not commands:
        return
    try:
        here.under_way.append((commands, _Flight(commands)))
    except (redis.RedisError, OSError) as lost:
        here.answers.update(dict.fromkeys(commands, lost))


def ask(*commands: Command) -> list[Any]:
    """The answers of several commands, in one round trip where they were not sent ahead; each is given once.

    :raises redis.RedisError, OSError: Valkey does not answer within VALKEY_TIMEOUT_MS, or refuses one of them
    """
    here = _ahead.get()
    kept = here.land() if here is not None else {}
    answers = [kept.pop(one) for one in commands] if all(one in kept for one in commands) else _Flight(commands).land()
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


def unasked() -> list[Command]:
    """What was sent ahead, and nobody asked for; it is forgotten."""
    here = _ahead.get()
    if here is None:
        return []
    kept = here.land()
    left = list(kept)
    kept.clear()
    return left


class _Flight:
    """Commands on a line of their own, sent when it is made; it has to land.

    :raises redis.RedisError, OSError: they could not be sent, or are not answered; the line is hung up
    """

    def __init__(self, commands: Sequence[Command]) -> None:
        global flights  # noqa: PLW0603
        flights += 1
        self._count = len(commands)
        self._pool = _pool(settings.VALKEY_URL)
        line: Any = self._pool.get_connection()
        self._line = line
        with self._held(is_last=False):
            self._line.send_packed_command(self._line.pack_commands(commands))

    def land(self) -> list[Any]:
        """An answer for each; what Valkey refuses is an error in its place."""
        with self._held(is_last=True):
            return [self._answer() for _ in range(self._count)]

    @contextmanager
    def _held(self, *, is_last: bool) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._line.disconnect()
            is_last = True
            raise
        finally:
            if is_last:
                self._pool.release(self._line)

    def _answer(self) -> Any:
        try:
            return self._line.read_response()
        except redis.ResponseError as no:
            return no


@cache
def _pool(url: str) -> redis.ConnectionPool:
    """One a process (redis-py opens new connections after a fork). A Valkey that hangs must not hang a request; nothing is retried."""
    wait_s = settings.VALKEY_TIMEOUT_MS / 1000
    return redis.ConnectionPool.from_url(url, socket_timeout=wait_s, socket_connect_timeout=wait_s, retry=Retry(NoBackoff(), 0))


class _Mouth:
    """A line on which Valkey answers nothing (CLIENT REPLY OFF)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.lock = threading.Lock()
        self.line: Any = None
        self.not_before = time.monotonic()

    def shout(self, commands: Sequence[Command]) -> None:
        with self.lock:
            if self.line is None and time.monotonic() < self.not_before:
                return
            try:
                if self.line is None or self._has_ended():
                    self._hang_up()
                    self.line = _pool(self.url).make_connection()
                    self.line.connect()
                    self.line.send_command("CLIENT", "REPLY", "OFF")
                self.line.send_packed_command(self.line.pack_commands(commands), check_health=False)
            except (redis.RedisError, OSError) as lost:
                log.warning("Valkey was not told: %s", lost)
                self._hang_up()
                self.not_before = time.monotonic() + PAUSE_S

    def _has_ended(self) -> bool:
        try:
            return bool(self.line.can_read(0))  # nothing is ever said on it but its end
        except redis.ConnectionError:
            return True

    def _hang_up(self) -> None:
        line, self.line = self.line, None
        if line is not None:
            line.disconnect()


@cache
def _mouth(url: str) -> _Mouth:
    """One a process: a fork opens its own."""
    return _Mouth(url)


os.register_at_fork(after_in_child=_mouth.cache_clear)


_held: ContextVar[list[Command] | None] = ContextVar("held", default=None)


@contextmanager
def held() -> Iterator[list[Command]]:
    """What is shouted until the context ends, for who shouts it later."""
    kept: list[Command] = []
    token = _held.set(kept)
    try:
        yield kept
    finally:
        _held.reset(token)


def shout(commands: Sequence[Command]) -> None:
    """Send what may be lost. Nothing is waited for, and no thread is woken that would take the interpreter from a request."""
    global shouts  # noqa: PLW0603
    kept = _held.get()
    if kept is not None:
        kept += commands
        return
    shouts += 1
    _mouth(settings.VALKEY_URL).shout(commands)
