"""Stored answers, found again by the client's own reference."""

from uuid import UUID

from . import db


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
