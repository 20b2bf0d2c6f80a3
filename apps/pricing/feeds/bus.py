"""The price bus: one key a pair in Valkey with the whole composite, and the same text on a channel for whoever streams it.

The text is JSON; every number in it that is money is a decimal string. A quote reads its pair once, and waits
for it no longer than VALKEY_TIMEOUT_MS.
"""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

import orjson
import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.core import money, valkey
from apps.core.valkey import Command
from apps.pricing.errors import PriceUnavailable
from apps.pricing.rules import Composite, Level, OrderBook, Source, check_book

PUBLISH_TIMEOUT = timedelta(seconds=2)
log = logging.getLogger(__name__)
VERSION = 1
STATE_LIVES_S = 30
TRAIL_STEP_S, TRAIL_POINTS = 15, 60
Lens = Callable[[Composite | None], Composite | None]
# How the book looks to whoever asks, where that is not as it was published: a sandbox's feed, for one request (settings.API_MIDDLEWARE).
lens: ContextVar[Lens | None] = ContextVar("lens", default=None)


@dataclass(frozen=True, slots=True)
class VenueState:
    """A venue's line in the feed's state: books used and left out at the last tick, with the reasons; of live venues the line too."""

    venue: str
    used: int
    left_out: int
    reasons: list[str]
    oldest_ms: int | None
    state: str = "up"
    messages: int | None = None
    refused: int = 0
    reconnects: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class FeedState:
    """What leads, since when (seconds), and how each venue does."""

    kind: str  # simulator, replay, live
    leader: str  # host:process
    leads_s: int
    as_of: datetime
    venues: tuple[VenueState, ...]


def key(pair: str) -> str:
    """The key that holds a pair's composite, and the channel that tells of each new one."""
    return f"prices:{settings.BUS_PREFIX}{pair}"


def publish(composites: Iterable[Composite]) -> None:
    """Set the keys and tell the channels, in one round trip.

    :raises PriceUnavailable: the bus does not answer
    """
    try:
        with _client(PUBLISH_TIMEOUT).pipeline(transaction=False) as pipe:
            for depth in composites:
                text = encode(depth)
                pipe.set(key(depth.pair), text)
                pipe.publish(key(depth.pair), text)
                if depth.is_dealable:
                    _remember(pipe, depth)
            pipe.execute()
    except redis.RedisError as lost:
        raise PriceUnavailable("the price bus does not answer") from lost


def _remember(pipe: Any, depth: Composite) -> None:
    """A mid for each of the last steps of time: what a sparkline is drawn from, the last tick of a step counts."""
    step = int(depth.as_of.timestamp()) // TRAIL_STEP_S
    pipe.hset(_trail_key(depth.pair), str(step % TRAIL_POINTS), f"{step} {money.text(depth.mid)}")


def read_trails(pairs: Iterable[str], now: datetime) -> dict[str, list[Decimal]]:
    """Mids of the last quarter of an hour by pair, the oldest first; none where the bus does not answer."""
    wanted = list(pairs)
    oldest = int(now.timestamp()) // TRAIL_STEP_S - TRAIL_POINTS
    try:
        with _client(_read_timeout()).pipeline(transaction=False) as pipe:
            for pair in wanted:
                pipe.hvals(_trail_key(pair))
            found = pipe.execute()
    except redis.RedisError:
        return {}
    out: dict[str, list[Decimal]] = {}
    for pair, values in zip(wanted, found, strict=True):
        with suppress(ValueError, ArithmeticError):
            points = sorted((int(step), Decimal(mid)) for step, mid in (value.decode().split(" ") for value in values))
            out[pair] = [mid for step, mid in points if step > oldest and mid.is_finite()]
    return out


def _trail_key(pair: str) -> str:
    return f"trail:{settings.BUS_PREFIX}{pair}"


def command(pair: str) -> Command:
    """What :func:`read_depth` asks Valkey, to be sent ahead where the pair is known early."""
    return ("GET", key(pair))


def read_depth(pair: str) -> Composite | None:
    """The last published composite of a pair, None where none ever was. Its age is for the caller to judge (`rules.require_fresh`).

    :raises PriceUnavailable: no answer within VALKEY_TIMEOUT_MS, or what lies there is no composite of this pair
    """
    try:
        [text] = valkey.ask(command(pair))
    except (redis.RedisError, OSError) as lost:
        raise PriceUnavailable("the price bus does not answer") from lost
    depth = None
    if text is not None:
        assert isinstance(text, bytes)
        depth = decode(text)
        if depth.pair != pair:
            raise PriceUnavailable(f"the price bus holds {depth.pair[:40]!r} where {pair} should be")
    look = lens.get()
    return depth if look is None else look(depth)


def find_depth(pair: str) -> Composite | None:
    """As :func:`read_depth`; None where the bus does not answer, so that who needs a price refuses by its own rule, with all that goes
    with a refusal: stored, told, and found again."""
    try:
        return read_depth(pair)
    except PriceUnavailable as no:
        log.warning("no price of %s: %s", pair, no.detail)
        return None


def publish_state(state: FeedState) -> None:
    """Tell how the leading feed does; it is forgotten after half a minute without news.

    :raises PriceUnavailable: the bus does not answer
    """
    text = orjson.dumps({"v": VERSION, **asdict(state), "as_of": state.as_of.isoformat()})
    try:
        _client(PUBLISH_TIMEOUT).set(_state_key(), text, ex=STATE_LIVES_S)
    except redis.RedisError as lost:
        raise PriceUnavailable("the price bus does not answer") from lost


def read_state() -> FeedState | None:
    """How the leading feed did when it last said so; None where no feed leads, or what lies there cannot be read.

    :raises PriceUnavailable: the bus does not answer
    """
    try:
        text = _client(_read_timeout()).get(_state_key())
    except redis.RedisError as lost:
        raise PriceUnavailable("the price bus does not answer") from lost
    if text is None:
        return None
    assert isinstance(text, bytes)
    try:
        raw = orjson.loads(text)
        if raw.pop("v") != VERSION:
            return None
        venues = tuple(VenueState(**one) for one in raw.pop("venues"))
        return FeedState(as_of=_moment(raw.pop("as_of")), venues=venues, **raw)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _state_key() -> str:
    return f"feed:{settings.BUS_PREFIX}state"


def read_all(pairs: Iterable[str]) -> dict[str, Composite]:
    """The last composites of several pairs, in one round trip; what is not there or cannot be read is left out."""
    codes = list(pairs)
    try:
        texts = _client(_read_timeout()).mget([key(pair) for pair in codes]) if codes else []
    except redis.RedisError:
        return {}
    found = {}
    for pair, text in zip(codes, texts, strict=True):
        if isinstance(text, bytes):
            with suppress(PriceUnavailable):
                depth = decode(text)
                if depth.pair == pair:
                    found[pair] = depth
    return found


def encode(depth: Composite) -> bytes:
    return orjson.dumps(
        {
            "v": VERSION,
            "pair": depth.pair,
            "as_of": depth.as_of.isoformat(),
            "sigma": None if depth.sigma is None else money.text(depth.sigma),
            "mid": money.text(depth.mid) if depth.is_dealable else None,
            "bids": _levels_out(depth.bids),
            "asks": _levels_out(depth.asks),
            "sources": [
                {
                    "venue": source.venue,
                    "pair": source.pair,
                    "at": source.at.isoformat(),
                    "age_ms": source.age_ms,
                    "mid": None if source.mid is None else money.text(source.mid),
                    "reasons": list(source.reasons),
                }
                for source in depth.sources
            ],
        }
    )


@lru_cache(maxsize=64)  # a composite never changes: the same text is the same one, read again by each quote until the next is published
def decode(text: bytes) -> Composite:
    """The composite of `encode`, checked: what is not one, or is crossed, unsorted or not above zero, is no price.

    :raises PriceUnavailable: anything wrong with it
    """
    try:
        raw = orjson.loads(text)
        if raw["v"] != VERSION:
            raise ValueError(f"version {raw['v']!r}")
        depth = Composite(
            pair=str(raw["pair"]),
            bids=_levels_in(raw["bids"]),
            asks=_levels_in(raw["asks"]),
            as_of=_moment(raw["as_of"]),
            sources=tuple(_source_in(one) for one in raw["sources"]),
            sigma=None if raw["sigma"] is None else _number(raw["sigma"]),
        )
    except (ValueError, TypeError, KeyError, ArithmeticError, AttributeError) as wrong:
        raise PriceUnavailable("what lies on the price bus cannot be read") from wrong
    if depth.is_dealable:
        wrong_with_it = check_book(OrderBook("bus", depth.pair, depth.bids, depth.asks, depth.as_of))
        if wrong_with_it:
            raise PriceUnavailable(f"what lies on the price bus is no book: {', '.join(wrong_with_it)}")
    return depth


def _levels_out(levels: tuple[Level, ...]) -> list[tuple[str, str]]:
    return [(money.text(level.price), money.text(level.quantity)) for level in levels]


def _levels_in(rows: Any) -> tuple[Level, ...]:
    return tuple(Level(_number(price), _number(quantity)) for price, quantity in rows)


def _source_in(raw: dict[str, Any]) -> Source:
    mid = None if raw["mid"] is None else _number(raw["mid"])
    return Source(str(raw["venue"]), str(raw["pair"]), _moment(raw["at"]), int(raw["age_ms"]), mid, tuple(map(str, raw["reasons"])))


def _number(text: Any) -> Decimal:
    if not isinstance(text, str):
        raise TypeError("an amount is a decimal string")
    value = Decimal(text)
    if not value.is_finite():
        raise ValueError("not a finite number")
    return value


def _moment(text: Any) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("an instant without a zone")
    return at


def _read_timeout() -> timedelta:
    return timedelta(milliseconds=settings.VALKEY_TIMEOUT_MS)


@cache
def _client(timeout: timedelta) -> redis.Redis:
    """One pool a process (redis-py opens new connections after a fork). Nothing is retried: a late price is no price."""
    seconds = timeout.total_seconds()
    return redis.Redis.from_url(settings.VALKEY_URL, socket_timeout=seconds, socket_connect_timeout=seconds, retry=Retry(NoBackoff(), 0))
