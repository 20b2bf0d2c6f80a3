"""Credit as the desk and the client see it: lines with use by day, breaches, what stands behind a line."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.core import db, money

from .where import Where


@dataclass(frozen=True, slots=True)
class Day:
    """What is taken of a line for one value date (settlement) or business date (daily cap)."""

    day: date
    reserved: Decimal
    used: Decimal
    unchecked: Decimal

    @property
    def taken(self) -> Decimal:
        return self.reserved + self.used + self.unchecked


@dataclass(slots=True)
class LineRow:
    """One line in USD. Percent of line plus live excess; outside its dates a line is 0."""

    id: UUID
    level: str
    measure: str
    subject_id: UUID
    code: str
    name: str
    client_id: UUID | None
    amount: Decimal
    excess: Decimal
    excess_until: datetime | None
    excess_reason: str
    valid_from: datetime
    valid_until: datetime
    limit: Decimal
    reserved: Decimal
    used: Decimal
    unchecked: Decimal
    revalued: Decimal
    revalued_at: datetime | None
    is_expired: bool
    breach: str | None
    over: Decimal | None
    since: datetime | None
    days: list[Day] = field(default_factory=list)

    @property
    def worst(self) -> Decimal:
        """What stands against the limit: of a line that counts by day, its worst day."""
        return max((day.taken for day in self.days), default=money.ZERO) if self.measure in {"SETTLEMENT", "DAILY"} else self.total

    @property
    def total(self) -> Decimal:
        return self.reserved + self.used + self.unchecked + self.revalued

    @property
    def headroom(self) -> Decimal:
        return self.limit - self.worst

    @property
    def percent(self) -> Decimal:
        if not self.limit:
            return Decimal(100) if self.worst else Decimal(0)
        return self.worst * 100 / self.limit

    @property
    def heat(self) -> str:
        """calm, warm from 70 %, hot from 90 %, over from 100 %."""
        for least, heat in ((100, "over"), (90, "hot"), (70, "warm")):
            if self.percent >= least:
                return heat
        return "calm"


_LINES = """
SELECT l.id, l.level, l.measure, l.subject_id, coalesce(c.code, a.code, g.name, '?'), coalesce(c.name, a.name, g.name, '?'),
  coalesce(c.id, a.owner_id), l.amount, l.excess, l.excess_until, l.excess_reason, l.valid_from, l.valid_until,
  CASE WHEN desk_now() < l.valid_from OR desk_now() >= l.valid_until THEN 0
    ELSE l.amount + CASE WHEN l.excess_until > desk_now() THEN l.excess ELSE 0 END END,
  l.reserved, l.used, l.unchecked, l.revalued, l.revalued_at, desk_now() >= l.valid_until, b.kind, b.over, b.since
FROM credit_line l
LEFT JOIN clients_counterparty c ON c.id = l.subject_id AND l.level IN ('CLIENT', 'LP')
LEFT JOIN clients_account a ON a.id = l.subject_id AND l.level = 'ACCOUNT'
LEFT JOIN clients_group g ON g.id = l.subject_id AND l.level = 'GROUP'
LEFT JOIN credit_breach b ON b.line_id = l.id AND b.cured_at IS NULL
WHERE %(all)s OR l.subject_id = ANY (%(of)s::uuid[]) OR l.id = %(line)s::uuid
ORDER BY 5, l.level, l.measure
"""
_DAYS = """
SELECT line_id, day, reserved, used, unchecked FROM credit_lineday
WHERE line_id = ANY (%s::uuid[]) AND reserved + used + unchecked > 0 ORDER BY day
"""


def list_lines(*, subjects: Sequence[UUID] | None = None, line_id: UUID | None = None) -> list[LineRow]:
    """Lines with their live days and open breaches.

    :param subjects: of these groups, clients and accounts only; None: of all
    """
    everything = subjects is None and line_id is None
    rows = [LineRow(*row) for row in db.run(_LINES, {"all": everything, "of": db.array(subjects or ()), "line": line_id})]
    by_id = {row.id: row for row in rows}
    for owner, *day in db.run(_DAYS, (db.array(by_id),)):
        by_id[owner].days.append(Day(*day))
    return rows


def hottest_first(rows: Iterable[LineRow]) -> list[LineRow]:
    return sorted(rows, key=lambda row: (row.breach is None, -row.percent, row.code, row.measure))


@dataclass(frozen=True, slots=True)
class Taken:
    """One live reservation behind a line, with its request and deal."""

    id: UUID
    source_id: UUID
    deal_id: UUID | None
    account: str
    pair: str
    notional: Decimal
    haircut: Decimal
    amount: Decimal
    unchecked: Decimal
    reduces: Decimal | None
    day: date | None
    status: str
    created_at: datetime


def list_taken(line_id: UUID, limit: int, after: Sequence[Any] | None = None) -> list[Taken]:
    """What stands behind a line, the largest first, `after` (amount, id)."""
    where = Where("r.status IN ('RESERVED', 'COMMITTED')").add("r.line_id = %s", line_id).row("(r.amount, r.id) < (%s, %s)", after)
    rows = db.run(
        f"""SELECT r.id, r.source_id, r.deal_id, coalesce(a.code, '?'), r.pair_code, r.notional, r.haircut, r.amount, r.unchecked,
             r.reduces, r.day, r.status, r.created_at
           FROM credit_reservation r LEFT JOIN clients_account a ON a.id = r.account_id
           WHERE {where.sql} ORDER BY r.amount DESC, r.id DESC LIMIT %s""",  # noqa: S608
        [*where.params, limit],
    )
    return [Taken(*row) for row in rows]


def list_grants(line_id: UUID) -> list[tuple[Any, ...]]:
    """How a line's limits came about, the last first: (number, amount, excess, until, reason, valid until, by, approved by, at)."""
    return db.run(
        """SELECT g.number, g.amount, g.excess, g.excess_until, g.excess_reason, g.valid_until, m.first_name, p.first_name, g.granted_at
           FROM credit_grant g LEFT JOIN users_user m ON m.id = g.made_by LEFT JOIN users_user p ON p.id = g.approved_by
           WHERE g.line_id = %s ORDER BY g.number DESC""",
        (line_id,),
    )
