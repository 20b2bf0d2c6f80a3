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


def find_by_reference(scope_id: UUID, reference: str) -> tuple[int, bytes] | None:
    """Status and body of the last answer to a request of this reference; the one that took effect before any refusal."""
    row = db.first(
        "SELECT status, body FROM core_storedanswer WHERE scope_id = %s AND reference = %s AND reference <> '' "
        "ORDER BY (status < 400) DESC, recorded_at DESC LIMIT 1",
        (scope_id, reference),
    )
    return None if row is None else (row[0], bytes(row[1]))


def is_used(scope_id: UUID, reference: str, *, operation: str) -> bool:
    """Whether such an operation was answered under this reference before, with an effect or with a refusal."""
    return bool(
        db.run(
            "SELECT 1 FROM core_storedanswer WHERE scope_id = %s AND reference = %s AND operation = %s LIMIT 1",
            (scope_id, reference, operation),
        )
    )
