"""Rate limits on django-ratelimit's counters: bad signatures by address, good requests by key. Valkey down is never a 500."""

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from uuid import UUID

import redis
from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django_ratelimit import ALL
from django_ratelimit.core import EXPIRATION_FUDGE, _get_window, _make_cache_key, _split_rate, get_usage

from apps.core import valkey
from apps.core.valkey import Command

from .problems import RateLimited

SHARE = 4  # without Valkey each process allows a quarter of the limit


@dataclass(frozen=True, slots=True)
class Use:
    """What is left of one policy in its running window."""

    policy: str
    who: str
    limit: int
    window_s: int
    left: int
    resets_in_s: int


class _Bucket:
    """Counts of this process alone, of the running windows; bounded."""

    KEPT = 10_000

    def __init__(self) -> None:
        self._counts: OrderedDict[tuple[str, int], int] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, name: str, window_s: int) -> int:
        slot = (name, int(time.time()) // window_s)
        with self._lock:
            self._counts[slot] = self._counts.get(slot, 0) + 1
            while len(self._counts) > self.KEPT:
                self._counts.popitem(last=False)
            return self._counts[slot]

    def count(self, name: str, window_s: int) -> int:
        return self._counts.get((name, int(time.time()) // window_s), 0)


class _Breaker:
    """After a failure Valkey is left alone for a second, so that its silence costs one request and not each."""

    open_until = 0.0

    def trip(self) -> None:
        now = time.monotonic()
        if now >= self.open_until:
            self.open_until = now + 1


_own = _Bucket()
_breaker = _Breaker()
_blocked: dict[str, int] = {}  # address → wall second until which it waits
_pressed: OrderedDict[str, int] = OrderedDict()  # who was refused → wall second until which that is remembered


def spend(request: HttpRequest, *, policy: str, who: UUID | str, rate: str) -> None:
    """Count one request of `who` under `policy`.

    :param rate: the burst and the window in which it is allowed once: "400/4s" is 100 a second with a burst of 400
    :raises RateLimited: more than that
    """
    limit, window_s = _read(rate)
    try:
        if time.monotonic() < _breaker.open_until:
            raise redis.ConnectionError("Valkey did not answer a moment ago")
        usage = get_usage(request, group=_group(policy), key=lambda *_: str(who), rate=(limit, window_s), method=ALL, increment=True)
        count, wait = (usage["count"], usage["time_left"]) if usage else (0, 0)
    except (redis.RedisError, OSError):
        _breaker.trip()
        count, wait = _own.add(f"{policy}:{who}", window_s) * SHARE, window_s
    _told(request).append(Use(policy, str(who), limit, window_s, max(0, limit - count), max(1, wait)))
    if count > limit:
        _press(str(who), int(time.time()) + max(1, wait))
        raise RateLimited(f"{policy}: {rate}", policy=policy, retry_after=max(1, wait))


def is_pressed(who: UUID | str) -> bool:
    """Whether this process has refused `who` in a window that still runs: its counters are heard before anything is done for it."""
    return _pressed.get(str(who), 0) > time.time()


def _press(who: str, until: int) -> None:
    _pressed[who] = until
    _pressed.move_to_end(who)
    while len(_pressed) > _Bucket.KEPT:
        _pressed.popitem(last=False)


def look(*, policy: str, who: UUID | str, rate: str) -> Use:
    """What is left of a policy, and nothing of it spent."""
    limit, window_s = _read(rate)
    key = _make_cache_key(_group(policy), window := _get_window(str(who), window_s), (limit, window_s), str(who), ALL)
    try:
        count = int(caches[settings.RATELIMIT_USE_CACHE].get(key, 0))
    except (redis.RedisError, OSError):
        count = _own.count(f"{policy}:{who}", window_s) * SHARE
    return Use(policy, str(who), limit, window_s, max(0, limit - count), max(1, window - int(time.time())))


def tell(request: HttpRequest, answer: HttpResponseBase) -> None:
    """RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10) of what this request has spent."""
    if uses := _told(request):
        answer.headers["RateLimit-Policy"] = ", ".join(f'"{use.policy}";q={use.limit};w={use.window_s}' for use in uses)
        answer.headers["RateLimit"] = ", ".join(f'"{use.policy}";r={use.left};t={use.resets_in_s}' for use in uses)


def forget(request: HttpRequest) -> None:
    """What was spent is given back: the request is heard from the start once more, and told by who answers in the end."""
    for use in _told(request):
        _give_back(commands(policy=use.policy, who=use.who, rate=f"{use.limit}/{use.window_s}s"))
    _told(request).clear()


def _told(request: HttpRequest) -> list[Use]:
    found: list[Use] = request.__dict__.setdefault("_flowdesk_uses", [])
    return found


def commands(*, policy: str, who: UUID | str, rate: str) -> tuple[Command, ...]:
    """What :func:`spend` will ask Valkey, to be sent ahead with what else is asked; nothing while Valkey is left alone."""
    if time.monotonic() < _breaker.open_until:
        return ()
    limit, window_s = _read(rate)
    key = _make_cache_key(_group(policy), _get_window(str(who), window_s), (limit, window_s), str(who), ALL)
    asked: tuple[Command, ...] = caches[settings.RATELIMIT_USE_CACHE].commands(key, 1, window_s + EXPIRATION_FUDGE)  # type: ignore[attr-defined]
    return asked


def give_back() -> None:
    """Take back what was counted ahead and never spent: the request ended before (a replay, a body that is none)."""
    _give_back(valkey.unasked())


def _give_back(asked: Sequence[Command]) -> None:
    counted: list[Command] = [("DECRBY", *command[1:]) for command in asked if command[0] == "INCRBY"]
    if counted:
        with contextlib.suppress(redis.RedisError, OSError):
            valkey.ask(*counted)


@cache
def _read(rate: str) -> tuple[int, int]:
    """How many at once, and in how many seconds so many come again."""
    limit, window_s = _split_rate(rate)
    return int(limit), int(window_s)


def _group(policy: str) -> str:
    return f"{settings.BUS_PREFIX}{policy}"


def require_not_blocked(address: str) -> None:
    """
    :raises RateLimited: too many bad signatures came from this address
    """
    until = _blocked.get(address)
    if until is not None:
        left = until - int(time.time())
        if left > 0:
            raise RateLimited("bad_signatures", policy="bad_signatures", retry_after=left)
        _blocked.pop(address, None)


def count_bad_signature(request: HttpRequest, address: str) -> None:
    """Spend of the address's allowance; past it the address waits, before any crypto is done for it."""
    try:
        spend(request, policy="bad_signatures", who=address, rate=settings.RATE_BAD_SIGNATURES)
    except RateLimited as no:
        if len(_blocked) > _Bucket.KEPT:
            _blocked.clear()
        _blocked[address] = int(time.time()) + int(no.extra["retry_after"])
