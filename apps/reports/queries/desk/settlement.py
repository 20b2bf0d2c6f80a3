"""The settlement screen: what is still owed by value date and asset, instructions with their blockers, receipts that wait."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.core import db

from .where import Where, parsed

LIVE = ("DRAFT", "READY", "BLOCKED", "RELEASED", "SENDING", "UNKNOWN", "SENT", "EXPECTED", "PART_RECEIVED")


@dataclass(frozen=True, slots=True)
class Rung:
    """Open obligations of one value date and asset, in units of the asset; `net` positive: we receive."""

    value_date: date
    asset: str
    pay: Decimal
    receive: Decimal
    count: int

    @property
    def net(self) -> Decimal:
        return self.receive - self.pay


def list_ladder() -> list[Rung]:
    rows = db.run(
        """SELECT value_date, asset_id, coalesce(sum(amount - settled_amount) FILTER (WHERE direction = 'PAY'), 0),
             coalesce(sum(amount - settled_amount) FILTER (WHERE direction = 'RECEIVE'), 0), count(*)
           FROM settlement_obligation WHERE status IN ('OPEN', 'NETTED', 'INSTRUCTED', 'PART_SETTLED')
           GROUP BY 1, 2 ORDER BY 1, 2"""
    )
    return [Rung(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class InstructionRow:
    id: UUID
    direction: str
    asset: str
    amount: Decimal
    settled_amount: Decimal
    account: str | None
    client_name: str | None
    nostro: str
    rail: str
    to: str | None
    due_date: date
    status: str
    attempt: int
    end_to_end_id: str
    rail_reference: str
    failure: str
    is_late: bool
    made_by: UUID | None
    released_by: str | None
    blockers: list[Any]
    checked_at: datetime | None
    approval_id: UUID | None
    asked_by: str | None
    band: int | None  # its version, where one let it go
    part: int  # from 1 on, of a payment that leaves in `parts`; 0: it is whole
    parts: int


_INSTRUCTIONS = """
SELECT i.id, i.direction, i.asset_id, i.amount, i.settled_amount, a.code, c.name, n.name, n.rail_id,
  coalesce(nullif(i.beneficiary_address, ''), s.address), i.due_date, i.status, i.attempt,
  i.end_to_end_id, i.rail_reference, i.failure, i.due_date < desk_now()::date AND i.status = ANY(%s), i.made_by, u.username,
  coalesce(g.blockers, '[]'), g.decided_at, k.id, k.maker_name,
  (SELECT b.version FROM settlement_releaseband b WHERE b.id = i.band_id), i.part,
  CASE WHEN i.part > 0 THEN (SELECT max(s.part) FROM settlement_instruction s WHERE s.whole_id = i.whole_id) ELSE 0 END
FROM settlement_instruction i
JOIN settlement_nostro n ON n.id = i.nostro_id
LEFT JOIN clients_account a ON a.id = i.account_id
LEFT JOIN clients_counterparty c ON c.id = a.owner_id
LEFT JOIN clients_ssi s ON s.id = i.ssi_id
LEFT JOIN users_user u ON u.id = i.released_by
LEFT JOIN LATERAL (
  SELECT blockers, decided_at FROM settlement_gatedecision d WHERE d.instruction_id = i.id ORDER BY decided_at DESC, id DESC LIMIT 1) g
  ON true
LEFT JOIN approvals_approval k ON k.kind = 'release' AND k.status = 'REQUESTED' AND k.payload->'instructions' @> to_jsonb(i.id::text)
"""


def list_instructions(
    *,
    status: str = "",
    direction: str = "",
    asset: str = "",
    client: str = "",
    due: str = "",
    only: Sequence[UUID] | None = None,
    limit: int | None = None,
    after: Sequence[Any] | None = None,
) -> list[InstructionRow]:
    """Live ones (or those of one status), the earliest due first; or all, the latest due first.

    :param only: of these alone
    :param after: (due date, direction, id) of the row before
    """
    where = Where().row("i.id = ANY(%s)", None if only is None else [list(only)])
    where.add("i.direction = %s", direction).add("i.asset_id = %s", asset).add("c.code = %s", client)
    if due in {"today", "late"}:
        where.row(f"i.due_date {'=' if due == 'today' else '<'} desk_now()::date", ())
    if status in {"", "live"}:
        where.add("i.status = ANY(%s)", list(LIVE))
    elif status != "all":
        where.add("i.status = %s", status)
    if status == "all":
        where.row("(i.due_date, i.direction, i.id) < (%s, %s, %s)", after)
        order = "i.due_date DESC, i.direction DESC, i.id DESC"
    else:
        where.row("(i.due_date, i.direction, i.id) > (%s, %s, %s)", after)
        order = "i.due_date, i.direction, i.id"
    rows = db.run(f"{_INSTRUCTIONS} WHERE {where.sql} ORDER BY {order} LIMIT %s", [list(LIVE), *where.params, limit])
    return [InstructionRow(*parsed(row, 19)) for row in rows]


def count_receipts() -> int:
    """Receipts that somebody has to act on."""
    sql = "SELECT count(*) FROM settlement_receipt WHERE status NOT IN ('MATCHED', 'DROPPED', 'RETURNED', 'REVERTED')"
    return int(db.one(sql)[0])


@dataclass(frozen=True, slots=True)
class StopRow:
    """A stop of all releases."""

    id: UUID
    reason: str
    thrown_by: UUID
    thrown_at: datetime


def list_release_stops() -> list[StopRow]:
    """Those that are on."""
    sql = "SELECT id, reason, thrown_by, thrown_at FROM settlement_releasestop WHERE lifted_at IS NULL ORDER BY thrown_at"
    return [StopRow(*row) for row in db.run(sql)]


@dataclass(frozen=True, slots=True)
class BandRow:
    """A rail: how many people let its payments go, and whether it can pay now. Amounts in units of its asset."""

    rail: str
    asset: str
    cutoff_at: datetime | None
    is_down: bool
    straight_through: Decimal | None
    two_checkers: Decimal | None
    largest: Decimal | None
    most_payments: int | None
    version: int
    waiting: int


def list_bands() -> list[BandRow]:
    """Every rail with its cut-off of today (desk time, in its own zone) and how many payments wait on it."""
    rows = db.run(
        """SELECT r.code, r.asset_id, ((desk_now() AT TIME ZONE r.zone)::date + r.cutoff) AT TIME ZONE r.zone, r.down,
             b.straight_through, b.two_checkers, b.largest, b.most_payments, coalesce(b.version, 0),
             (SELECT count(*) FROM settlement_instruction i JOIN settlement_nostro n ON n.id = i.nostro_id
              WHERE n.rail_id = r.code AND i.direction = 'PAY' AND i.status IN ('READY', 'BLOCKED', 'RELEASED'))
           FROM instruments_rail r
           LEFT JOIN LATERAL (SELECT * FROM settlement_releaseband b WHERE b.rail_id = r.code ORDER BY version DESC LIMIT 1) b ON true
           ORDER BY r.code"""
    )
    return [BandRow(*row) for row in rows]
