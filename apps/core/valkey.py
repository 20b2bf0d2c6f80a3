"""Valkey for a request: commands in one round trip, asked ahead where it is known what will be needed.

`ahead` sends; `ask` takes what was sent ahead, or sends now. Who asks gets the same answer or the same failure either way, so its way
without Valkey stays its own.
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

TIMEOUT_S = 50 / 1000  # a Valkey that hangs must not hang a request; nothing is retried
PAUSE_S = 1  # so long `shout` leaves a Valkey alone that could not be reached
Command = tuple[str | bytes | int, ...]

flights = 0  # round trips of this process: tests hold the hot paths to their number
_ahead: ContextVar[dict[Command, Any] | None] = ContextVar("ahead", default=None)


@contextmanager
def gathered() -> Iterator[None]:
    """What is sent ahead is kept for who asks, until the context ends."""
    token = _ahead.set({})
    try:
        yield
    finally:
        _ahead.reset(token)


def ahead(commands: Sequence[Command]) -> None:
    """Send all in one round trip, for the `ask` of each that follows; a failure is kept for them too."""
    kept = _ahead.get()
    if kept is None or not commands:
        return
    try:
        answers = _send(commands)
    except (redis.RedisError, OSError) as lost:
        answers = [lost] * len(commands)
    kept.update(zip(commands, answers, strict=True))


def ask(*commands: Command) -> list[Any]:
    """The answers of several commands, in one round trip where they were not sent ahead; each is given once.

    :raises redis.RedisError, OSError: Valkey does not answer within TIMEOUT_S, or refuses one of them
    """
    kept = _ahead.get()
    if kept and all(one in kept for one in commands):
        answers = [kept.pop(one) for one in commands]
    else:
        answers = _send(commands)
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


def unasked() -> list[Command]:
    """What was sent ahead, and nobody asked for; it is forgotten."""
    kept = _ahead.get() or {}
    left = list(kept)
    kept.clear()
    return left


def _send(commands: Sequence[Command]) -> list[Any]:
    global flights  # noqa: PLW0603
    flights += 1
    pool = _pool(settings.VALKEY_URL)
    line: Any = pool.get_connection()
    try:
        line.send_packed_command(line.pack_commands(commands))
        return [_answer(line) for _ in commands]
    except BaseException:
        line.disconnect()
        raise
    finally:
        pool.release(line)


def _answer(line: Any) -> Any:
    try:
        return line.read_response()
    except redis.ResponseError as no:
        return no


@cache
def _pool(url: str) -> redis.ConnectionPool:
    """One a process (redis-py opens new connections after a fork)."""
    return redis.ConnectionPool.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0))


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


def shout(commands: Sequence[Command]) -> None:
    """Send what may be lost. Nothing is waited for, and no thread is woken that would take the interpreter from a request."""
    _mouth(settings.VALKEY_URL).shout(commands)
