"""Draws that depend on nothing but their name: no state, no order, no float. The same text gives the same number everywhere."""

from decimal import Decimal
from hashlib import blake2b

_BITS = 256


def whole(name: str, below: int) -> int:
    """A uniform integer in [0, below)."""
    return int.from_bytes(blake2b(name.encode(), digest_size=16).digest()) % below


def normal(name: str) -> Decimal:
    """A standard normal draw in eighths: how many of 256 fair bits are set, less 128, over its deviation of 8. Never past ±16."""
    return Decimal(int.from_bytes(blake2b(name.encode(), digest_size=_BITS // 8).digest()).bit_count() - _BITS // 2) / 8
