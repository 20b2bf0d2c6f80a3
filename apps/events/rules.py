"""The hash chain over history. No Django."""

import hashlib
import struct
from collections.abc import Sequence
from uuid import UUID

GENESIS = bytes(32)
DIGEST = 32  # bytes of SHA-256


def head_of(*, previous: bytes, number: int, era: int, after_xid: int, xid: int, ids: Sequence[UUID], digests: bytes) -> bytes:
    """SHA-256 over the head before, the block's number and bounds (big-endian, 64 bits each), and each row's id and digest."""
    sealed = hashlib.sha256(previous)
    sealed.update(struct.pack(">qqqqq", number, era, after_xid, xid, len(ids)))
    for place, one in enumerate(ids):
        sealed.update(one.bytes + digests[place * DIGEST : (place + 1) * DIGEST])
    return sealed.digest()
