"""Which of its client's events a key hears (the socket asks for each frame), and the hash chain over history. Plain Python."""

import hashlib
import struct
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

GENESIS = bytes(32)  # the head before the first block
DIGEST = 32  # bytes of SHA-256
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_shown(*, account_id: UUID | None, asked_by: UUID | None, accounts: Collection[UUID], member_id: UUID | None, whole: bool) -> bool:
    """An event of an account is for keys that name it, one of the client for all; a refusal for the member that asked.

    :param asked_by: whose request was refused, where that is what the event tells (it need not name an account); None for others
    :param accounts: those that the key names
    :param whole: the key names every account of its client: it hears refusals of all members
    """
    if account_id is not None:
        return account_id in accounts
    return asked_by is None or whole or asked_by == member_id


def head_of(
    *, previous: bytes, number: int, era: int, after_xid: int, xid: int, ids: Sequence[UUID], digests: bytes, sealed_at: datetime
) -> bytes:
    """SHA-256 over the head before; number, bounds, count and microseconds since 1970 (big-endian, 64 bits each); each row's id and digest.

    :raises ValueError: not one digest a row
    """
    if len(digests) != DIGEST * len(ids):
        raise ValueError(f"{len(ids)} rows, {len(digests)} bytes of digests")
    sealed = hashlib.sha256(previous)
    sealed.update(struct.pack(">qqqqqq", number, era, after_xid, xid, len(ids), (sealed_at - _EPOCH) // timedelta(microseconds=1)))
    for place, one in enumerate(ids):
        sealed.update(one.bytes + digests[place * DIGEST : (place + 1) * DIGEST])
    return sealed.digest()


def made_anew(number: int, head: str, *, kept_by: str, now: str | None) -> str:
    """What is told when a block has not the head any more that was kept of it; empty where it has.

    :param now: the head that it has, hexadecimal as `head`; None: there is no such block
    """
    if now == head:
        return ""
    said = "is gone" if now is None else "has another head"
    return f"block {number}, which {kept_by} keeps, {said}: the chain was made anew"
