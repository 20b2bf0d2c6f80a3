"""Stored answers, found again by the client's own reference."""

from datetime import datetime, timedelta
from uuid import UUID

from . import db

KEPT = timedelta(days=30)  # an idempotency key; what has a reference of the client's own is kept for ever
_BATCH = 5_000


def let_go(wall: datetime) -> int:
    """Remove stored answers that are older than KEPT and have no reference, so many at a time; how many went."""
    gone = 0
    while batch := db.run(
        "DELETE FROM core_storedanswer WHERE ctid = ANY (ARRAY(SELECT ctid FROM core_storedanswer "
        "WHERE recorded_at < %s AND reference = '' LIMIT %s)) RETURNING 1",
        (wall - KEPT, _BATCH),
    ):
        gone += len(batch)
    return gone


def list_by_reference(scope_id: UUID, reference: str) -> list[tuple[int, bytes]]:
    """Status and body of what took effect under this reference, the last first, and behind it of the last refusal.

    There may be several: each kind of request has references of its own, and withdrawals those of their account.
    """
    rows = db.run(
        "SELECT status, body FROM (SELECT *, row_number() OVER (PARTITION BY status < 400 ORDER BY recorded_at DESC) "
        "FROM core_storedanswer WHERE scope_id = %s AND reference = %s AND reference <> '') AS found "
        "WHERE status < 400 OR row_number = 1 ORDER BY (status < 400) DESC, recorded_at DESC",
        (scope_id, reference),
    )
    return [(status, bytes(body)) for status, body in rows]


def is_used(scope_id: UUID, reference: str, *, operation: str) -> bool:
    """Whether such an operation was answered under this reference before, with an effect or with a refusal."""
    return bool(
        db.run(
            "SELECT 1 FROM core_storedanswer WHERE scope_id = %s AND reference = %s AND operation = %s LIMIT 1",
            (scope_id, reference, operation),
        )
    )
