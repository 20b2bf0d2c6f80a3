"""What is late, payment by payment and transfer by transfer, and what was closed out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.core import db

from .where import Where

# Who acts on a late payment, by where it stands.
_OWNER = {
    "EXPECTED": "sales", "PART_RECEIVED": "sales", "UNKNOWN": "operations", "SENDING": "operations", "SENT": "operations",
    "RELEASED": "operations", "READY": "operations", "DRAFT": "operations", "BLOCKED": "operations",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fail:
    """One late payment; `left` in units of the asset, `days` of the calendar past its due date."""

    id: UUID
    account: str
    client_name: str
    asset: str
    direction: str
    left: Decimal
    due_date: date
    days: int
    status: str
    attempt: int
    end_to_end_id: str
    deals: list[UUID]

    @property
    def end_short(self) -> str:
        return f"FD…{self.end_to_end_id[-6:]}"

    @property
    def owner(self) -> str:
        return _OWNER.get(self.status, "operations")


def list_fails(limit: int, after: Sequence[Any] | None = None) -> list[Fail]:
    """The oldest first, `after` (due date, account, id); each with the deals behind it."""
    where = Where("i.due_date < desk_now()::date").row("(i.due_date, a.code, i.id) > (%s, %s, %s)", after)
    rows = db.run(
        f"""SELECT i.id, a.code, c.name, i.asset_id, i.direction, i.amount - i.settled_amount, i.due_date, desk_now()::date - i.due_date,
             i.status, i.attempt, i.end_to_end_id,
             ARRAY(SELECT DISTINCT o.trade_id FROM settlement_obligation o WHERE o.trade_id IS NOT NULL
                   AND (o.net_leg_id = i.net_leg_id OR o.id = i.obligation_id) ORDER BY o.trade_id)
           FROM settlement_instruction i
           JOIN clients_account a ON a.id = i.account_id JOIN clients_counterparty c ON c.id = a.owner_id
           WHERE {where.sql}
             AND i.status IN ('DRAFT', 'READY', 'BLOCKED', 'RELEASED', 'SENDING', 'UNKNOWN', 'SENT', 'EXPECTED', 'PART_RECEIVED')
           ORDER BY i.due_date, a.code, i.id LIMIT %s""",  # noqa: S608
        [*where.params, limit],
    )
    return [Fail(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class LateTransfer:
    """Our own money that is not where it was to be by now. `left`: what has not come, in units of the asset; `payment`: a status."""

    id: UUID
    source: str
    target: str
    asset: str
    left: Decimal
    amount: Decimal
    due_date: date
    days: int
    status: str
    payment_id: UUID
    payment: str
    end_to_end_id: str

    @property
    def waits_for(self) -> str:
        if self.status == "INSTRUCTED":
            return "its payment"
        return "the booking of its payment" if self.payment == "SENT" else "the other end"


# Those that are instructed and have not come whole; a part of ours that is still to be released is late by its payment's due date too.
LATE_TRANSFERS = """
  SELECT t.id, coalesce(s.name, v.name) AS source, coalesce(d.name, v.name, t.owner_name) AS target, t.asset_id,
    t.amount - t.arrived AS left_over, t.amount, i.due_date, desk_now()::date - i.due_date AS days, t.status, i.id AS payment_id,
    i.status AS payment, i.end_to_end_id
  FROM settlement_housetransfer t JOIN settlement_instruction i ON i.house_transfer_id = t.id
  LEFT JOIN settlement_nostro s ON s.id = t.source_id LEFT JOIN settlement_nostro d ON d.id = t.target_id
  LEFT JOIN settlement_venueplace p ON p.id = t.place_id LEFT JOIN clients_counterparty v ON v.id = p.venue_id
  WHERE t.status IN ('INSTRUCTED', 'IN_TRANSIT') AND i.due_date < desk_now()::date
"""


def list_transfers(limit: int, after: Sequence[Any] | None = None) -> list[LateTransfer]:
    """The oldest first, `after` (due date, id)."""
    where = Where().row("(i.due_date, t.id) > (%s, %s)", after)
    rows = db.run(f"{LATE_TRANSFERS} AND {where.sql} ORDER BY i.due_date, t.id LIMIT %s", [*where.params, limit])
    return [LateTransfer(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class CloseOutRow:
    """`amount` positive: they owe us."""

    id: UUID
    client_name: str
    agreement: str
    event: str
    evidence: str
    amount: Decimal
    currency: str
    marks_date: date
    closed_at: datetime

    @property
    def size(self) -> Decimal:
        return abs(self.amount)


def list_close_outs(limit: int, after: Sequence[Any] | None = None) -> list[CloseOutRow]:
    """The newest first, `after` (closed at, id)."""
    where = Where().row("(x.closed_at, x.id) < (%s, %s)", after)
    rows = db.run(
        f"""SELECT x.id, c.name, x.agreement, x.event, x.evidence, x.amount, x.currency, x.marks_date, x.closed_at
           FROM settlement_closeout x JOIN clients_counterparty c ON c.id = x.client_id
           WHERE {where.sql} ORDER BY x.closed_at DESC, x.id DESC LIMIT %s""",  # noqa: S608
        [*where.params, limit],
    )
    return [CloseOutRow(*row) for row in rows]
