"""Time-ordered ids: UUIDv7 inside, a prefix and 26 Crockford characters on the wire."""

import os
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUE = {c: i for i, c in enumerate(_ALPHABET)}
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_SHIFTS = range(120, -1, -10)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def uuid7() -> UUID:
    """RFC 9562 version 7: 48 bits of wall milliseconds, 12 of the fraction of one, 62 random bits. One thread's come in their order."""
    ms, ns = divmod(time.time_ns(), 1_000_000)
    rand = int.from_bytes(os.urandom(8), "big") & (1 << 62) - 1
    return UUID(int=(ms & (1 << 48) - 1) << 80 | 0x7 << 76 | ns * 4096 // 1_000_000 << 64 | 0b10 << 62 | rand)


def earliest(at: datetime) -> UUID:
    """No id that was made at this moment of the wall clock or later is below it."""
    return UUID(int=(at - _EPOCH) // timedelta(milliseconds=1) << 80)


def encode(prefix: str, value: UUID) -> str:
    """`rfq_01j9…`: always 26 characters after the prefix."""
    number = value.int
    return f"{prefix}_{''.join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])}"


def decode(prefix: str, text: str) -> UUID:
    """The UUID behind a wire id.

    :raises ValueError: another prefix, length or character, or past 128 bits
    """
    head, _, tail = text.partition("_")
    if head != prefix or len(tail) != 26:
        raise ValueError(f"not an id of the form {prefix}_…")
    number = 0
    for char in tail:
        if char not in _VALUE:
            raise ValueError(f"not an id of the form {prefix}_…")
        number = number * 32 + _VALUE[char]
    if number >> 128:
        raise ValueError(f"not an id of the form {prefix}_…")
    return UUID(int=number)
