"""Net sets on the desk: those that live with their legs, one with its lines, and what is late."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.core import db

from .late import LATE_TRANSFERS
from .where import Where


@dataclass(frozen=True, slots=True)
class SetRow:
    """`legs`: [{"asset", "direction", "amount", "status"}], amounts as text."""

    id: UUID
    account: str
    client_name: str
    value_date: date
    cutoff_at: datetime
    attempt: int
    status: str
    agree_by: datetime | None
    disputed: int
    legs: list[dict[str, Any]]


_SETS = """
SELECT s.id, a.code, c.name, s.value_date, s.cutoff_at, s.attempt, s.status, s.agree_by,
  (SELECT count(*) FROM settlement_linedispute d WHERE d.net_set_id = s.id AND d.outcome = ''),
  (SELECT coalesce(json_agg(json_build_object('asset', l.asset_id, 'direction', l.direction, 'amount', trim_scale(l.amount)::text,
     'status', l.status) ORDER BY l.asset_id), '[]') FROM settlement_netleg l WHERE l.net_set_id = s.id)
FROM settlement_netset s JOIN clients_account a ON a.id = s.account_id JOIN clients_counterparty c ON c.id = a.owner_id
"""


def list_sets(limit: int, after: Sequence[Any] | None = None) -> list[SetRow]:
    """Those that have not ended, the earliest value date first, `after` (value date, cut-off, account, id)."""
    where = Where("s.status IN ('FROZEN', 'DISPUTED', 'AGREED', 'SETTLING')")
    where.row("(s.value_date, s.cutoff_at, a.code, s.id) > (%s, %s, %s, %s)", after)
    sql = f"{_SETS} WHERE {where.sql} ORDER BY s.value_date, s.cutoff_at, a.code, s.id LIMIT %s"
    return [SetRow(*row) for row in db.run(sql, [*where.params, limit])]


def find_set(net_set_id: UUID) -> SetRow | None:
    row = db.first(_SETS + "WHERE s.id = %s", [net_set_id])
    return None if row is None else SetRow(*row)


@dataclass(frozen=True, slots=True)
class LineRow:
    """One obligation of a set; amounts in units of the asset."""

    id: UUID
    trade_id: UUID | None
    adjustment_id: UUID | None
    direction: str
    asset: str
    amount: Decimal
    status: str
    booked_at: datetime
    disputed: str | None
    evidence: str | None


def list_lines(net_set_id: UUID) -> list[LineRow]:
    rows = db.run(
        """SELECT o.id, o.trade_id, o.adjustment_id, o.direction, o.asset_id, o.amount, o.status, o.booked_at, d.reason, d.evidence
           FROM settlement_obligation o JOIN settlement_netleg l ON l.id = o.net_leg_id
           LEFT JOIN settlement_linedispute d ON d.obligation_id = o.id AND d.net_set_id = l.net_set_id AND d.outcome = ''
           WHERE l.net_set_id = %s ORDER BY o.asset_id, o.id""",
        [net_set_id],
    )
    return [LineRow(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class LateRow:
    """What one client and asset is late with, by how long: amounts in units of the asset.

    Of our own money `account` is empty, `client_name` says from where to where, and `direction` is MOVE.
    """

    account: str
    client_name: str
    asset: str
    direction: str
    since: date
    days: int
    count: int
    one_day: Decimal
    to_three: Decimal
    to_seven: Decimal
    older: Decimal


def list_late() -> list[LateRow]:
    """The ageing book, the oldest first: payments due before today that are not settled, and our own money that has not come."""
    rows = db.run(
        f"""SELECT code, name, asset_id, direction, min(due_date), max(days), count(*),
             coalesce(sum(left_over) FILTER (WHERE days = 1), 0), coalesce(sum(left_over) FILTER (WHERE days BETWEEN 2 AND 3), 0),
             coalesce(sum(left_over) FILTER (WHERE days BETWEEN 4 AND 7), 0), coalesce(sum(left_over) FILTER (WHERE days > 7), 0)
           FROM (SELECT a.code, c.name, i.asset_id, i.direction, i.due_date, i.amount - i.settled_amount AS left_over,
                   desk_now()::date - i.due_date AS days
                 FROM settlement_instruction i
                 JOIN clients_account a ON a.id = i.account_id JOIN clients_counterparty c ON c.id = a.owner_id
                 WHERE i.due_date < desk_now()::date
                   AND i.status IN ('DRAFT', 'READY', 'BLOCKED', 'RELEASED', 'SENDING', 'UNKNOWN', 'SENT', 'EXPECTED', 'PART_RECEIVED')
                 UNION ALL
                 SELECT '', source || ' → ' || target, asset_id, 'MOVE', due_date, left_over, days FROM ({LATE_TRANSFERS}) moves) i
           GROUP BY 1, 2, 3, 4 ORDER BY 5, 1, 2, 3, 4"""  # noqa: S608 - every part is written in the house
    )
    return [LateRow(*row) for row in rows]
