"""Settlement instructions on the desk: those that wait for somebody, one with its evidence and history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.core import db

from .where import Where

WAITING = ["DRAFT", "VERIFYING", "APPROVED", "SUSPENDED"]


@dataclass(frozen=True, slots=True)
class SsiRow:
    """`asked`: kinds of open requests about it. `proposer` and `approver`: members of the client; both empty out of the onboarding file,
    and where `enterer`, one of operations, entered it on the client's `word`.
    """

    id: UUID
    account: str
    client: str
    client_name: str
    asset: str
    rail: str
    address: str
    bic: str
    self_hosted: bool
    status: str
    created_at: datetime
    cooling_until: datetime | None
    valid_until: datetime | None
    evidence_kind: str
    proposer: str
    enterer: str
    word: dict[str, str]
    approver: str
    verifiers: list[str]
    asked: list[str]


_ROWS = """
SELECT s.id, a.code, c.code, c.name, s.asset_code, s.rail_code, s.address, s.bic, s.self_hosted, s.status, s.created_at, s.cooling_until,
  s.valid_until, s.evidence_kind, coalesce(p.name, ''), coalesce(n.username, ''), s.word, coalesce(q.name, ''),
  array_remove(ARRAY[v.username, k.username, l.username]::text[], NULL),
  ARRAY(SELECT r.kind::text FROM approvals_approval r WHERE r.subject_id = s.id AND r.status = 'REQUESTED' ORDER BY r.requested_at)
FROM clients_ssi s JOIN clients_account a ON a.id = s.account_id JOIN clients_counterparty c ON c.id = a.owner_id
LEFT JOIN clients_member p ON p.id = s.proposed_by LEFT JOIN clients_member q ON q.id = s.approved_by
LEFT JOIN users_user n ON n.id = s.entered_by LEFT JOIN users_user v ON v.id = s.verified_by LEFT JOIN users_user k ON k.id = s.checked_by
LEFT JOIN users_user l ON l.id = s.compliance_by
"""


def list_ssis(*, client: str = "", status: str = "", limit: int | None = None, after: Sequence[Any] | None = None) -> list[SsiRow]:
    """Those that wait, the oldest first; of one client, or with `status` "all" or one of them, the newest first.

    :param after: (created at, id) of the row before
    """
    wanted = ["%"] if status == "all" or (client and not status) else [status] if status else WAITING
    where = Where().add("s.status LIKE ANY (%s::text[])", db.array(wanted)).add("c.code = %s", client)
    where.row(f"(s.created_at, s.id) {'>' if wanted == WAITING else '<'} (%s, %s)", after)
    order = "s.created_at, s.id" if wanted == WAITING else "s.created_at DESC, s.id DESC"
    return [_row(row) for row in db.run(f"{_ROWS} WHERE {where.sql} ORDER BY {order} LIMIT %s", [*where.params, limit])]


def _row(row: tuple[Any, ...]) -> SsiRow:
    found = dict(zip(SsiRow.__slots__, row, strict=True))
    return SsiRow(**found | {"word": db.loads(found["word"])})


def find_ssi(ssi_id: UUID) -> SsiRow | None:
    row = db.first(_ROWS + "WHERE s.id = %s", [ssi_id])
    return None if row is None else _row(row)


@dataclass(frozen=True, slots=True)
class Happened:
    """One fact of its life; `why` is what was said or proven."""

    kind: str
    who: str
    at: datetime
    why: str


def list_history(ssi_id: UUID) -> list[Happened]:
    rows = db.run("SELECT kind, actor_name, effective_at, house FROM events_event WHERE subject_id = %s ORDER BY position", [ssi_id])
    return [Happened(kind, who or "the system", at, _why(db.loads(house))) for kind, who, at, house in rows]


def _why(house: dict[str, Any]) -> str:
    return ", ".join(str(value) for name, value in house.items() if name not in {"title", "account", "asset"} and value)
