"""Adjustments on the desk."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.core import db

from .where import Where


@dataclass(frozen=True, slots=True)
class AdjustmentRow:
    """One; the amount in units of the asset. `approval_id` while it waits for an answer."""

    id: UUID
    account: str
    client_name: str
    kind: str
    direction: str
    asset: str
    amount: Decimal
    value_date: date
    status: str
    reason: str
    evidence: str
    trade_id: UUID | None
    requested_at: datetime
    asked_by: str | None
    checked_by: str | None
    approval_id: UUID | None
    writes_off: str | None


def list_adjustments(limit: int, after: Sequence[Any] | None = None) -> list[AdjustmentRow]:
    """The newest first; what waits for an answer before the rest. `after`: (whether it waits, requested at, id)."""
    where = Where().row("(x.status = 'REQUESTED', x.requested_at, x.id) < (%s, %s, %s)", after)
    rows = db.run(
        f"""SELECT x.id, a.code, c.name, x.kind, x.direction, x.asset_id, x.amount, x.value_date, x.status, x.reason, x.evidence,
             x.trade_id, x.requested_at, m.username, k.username, p.id, i.end_to_end_id
           FROM settlement_adjustment x
           JOIN clients_account a ON a.id = x.account_id JOIN clients_counterparty c ON c.id = a.owner_id
           LEFT JOIN users_user m ON m.id = x.made_by LEFT JOIN users_user k ON k.id = x.checked_by
           LEFT JOIN settlement_instruction i ON i.id = x.pays_id
           LEFT JOIN approvals_approval p ON p.subject_id = x.id AND p.status = 'REQUESTED'
           WHERE {where.sql} ORDER BY (x.status = 'REQUESTED') DESC, x.requested_at DESC, x.id DESC LIMIT %s""",  # noqa: S608
        [*where.params, limit],
    )
    return [AdjustmentRow(*row) for row in rows]


def list_accounts() -> list[tuple[str, str]]:
    """Code and owner of every account."""
    rows = db.run("SELECT a.code, c.name FROM clients_account a JOIN clients_counterparty c ON c.id = a.owner_id ORDER BY a.code")
    return [(code, name) for code, name in rows]
