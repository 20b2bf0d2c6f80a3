"""Our own money: where it lies, what is on its way, and what each asset needs until T+2."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.core import db


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """One bank account or wallet of ours, in units of its asset. `waiting`: payments from it that have not left."""

    id: UUID
    name: str
    entity: str
    asset: str
    rail: str
    designation: str
    booked: Decimal
    in_transit: Decimal
    suspense: Decimal
    waiting: Decimal
    stated: Decimal | None
    read_at: datetime | None

    @property
    def available(self) -> Decimal:
        """What may be paid from it: the ledger's balance less what is on its way out."""
        return self.booked + self.in_transit

    @property
    def left(self) -> Decimal:
        return self.available - self.waiting


def list_places() -> list[PlaceRow]:
    rows = db.run(
        """SELECT n.id, n.name, e.code, n.asset_id, n.rail_id, n.designation,
             coalesce((SELECT amount FROM ledger_ledgeraccount a WHERE a.owner_id = n.id AND a.kind = 'NOSTRO'), 0),
             coalesce((SELECT amount FROM ledger_ledgeraccount a WHERE a.owner_id = n.id AND a.kind = 'IN_TRANSIT'), 0),
             coalesce((SELECT -amount FROM ledger_ledgeraccount a WHERE a.owner_id = n.id AND a.kind = 'SUSPENSE'), 0),
             coalesce((SELECT sum(amount) FROM settlement_instruction i WHERE i.nostro_id = n.id AND i.direction = 'PAY'
                       AND i.status IN ('READY', 'BLOCKED', 'RELEASED', 'SENDING', 'UNKNOWN')), 0),
             c.balance, c.read_at
           FROM settlement_nostro n JOIN instruments_bookingentity e ON e.id = n.entity_id
           LEFT JOIN settlement_railcursor c ON c.nostro_id = n.id ORDER BY n.asset_id, n.designation DESC, n.name"""
    )
    return [PlaceRow(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class VenueRow:
    """What we hold with (below zero: owe to) a venue or LP."""

    name: str
    asset: str
    amount: Decimal


def list_venues() -> list[VenueRow]:
    rows = db.run(
        """SELECT c.name, a.asset_code, sum(a.amount) FROM ledger_ledgeraccount a JOIN clients_counterparty c ON c.id = a.owner_id
           WHERE a.kind = 'VENUE' GROUP BY 1, 2 HAVING sum(a.amount) <> 0 ORDER BY 1, 2"""
    )
    return [VenueRow(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Step:
    """What comes and goes on one day, and what is left after it; in units of the asset."""

    day: date
    receive: Decimal
    pay: Decimal
    left: Decimal


@dataclass(frozen=True, slots=True)
class Funding:
    """The cash ladder of one asset: `have` on our house accounts now, then day by day; `if_late`: the least there is if nobody pays us."""

    asset: str
    have: Decimal
    steps: list[Step]
    if_late: Decimal

    @property
    def is_short(self) -> bool:
        return min([self.have, *(one.left for one in self.steps)]) < 0

    @property
    def needs_theirs(self) -> bool:
        """Whether we can pay only once others have paid us."""
        return not self.is_short and self.if_late < 0


_DUE = """
SELECT asset, day, sum(receive), sum(pay) FROM (
  SELECT o.asset_id AS asset, greatest(o.value_date, %(today)s) AS day,
    CASE o.direction WHEN 'RECEIVE' THEN o.amount - o.settled_amount ELSE 0 END AS receive,
    CASE o.direction WHEN 'PAY' THEN o.amount - o.settled_amount ELSE 0 END AS pay
  FROM settlement_obligation o WHERE o.status IN ('OPEN', 'NETTED', 'INSTRUCTED', 'PART_SETTLED')
  UNION ALL
  SELECT w.asset_id, %(today)s, 0, w.amount FROM settlement_withdrawal w WHERE w.status IN ('HELD', 'INSTRUCTED')
    AND NOT EXISTS (SELECT 1 FROM settlement_instruction i WHERE i.withdrawal_id = w.id AND i.status = 'SENT')
  UNION ALL
  SELECT i.asset_id, %(today)s, 0, -i.amount FROM settlement_instruction i
  WHERE i.direction = 'PAY' AND i.status = 'SENT' AND (i.net_leg_id IS NOT NULL OR i.obligation_id IS NOT NULL)
  UNION ALL
  SELECT l.asset_id, greatest(s.value_date, %(today)s), CASE l.direction WHEN 'RECEIVE' THEN -l.settled_amount ELSE 0 END,
    CASE l.direction WHEN 'PAY' THEN -l.settled_amount ELSE 0 END
  FROM settlement_netleg l JOIN settlement_netset s ON s.id = l.net_set_id WHERE l.status = 'PART_SETTLED'
) due WHERE day <= %(last)s GROUP BY asset, day ORDER BY asset, day
"""


def list_funding(days: list[date], places: list[PlaceRow]) -> list[Funding]:
    """What open obligations and withdrawals need, asset by asset; what is overdue counts as due on the first day.

    :param days: today, T+1, T+2, in order
    """
    have: dict[str, Decimal] = {}
    for place in places:
        have[place.asset] = have.get(place.asset, Decimal(0)) + (place.available if place.designation == "HOUSE" else Decimal(0))
    due: dict[str, dict[date, tuple[Decimal, Decimal]]] = {}
    for asset, day, receive, pay in db.run(_DUE, {"today": days[0], "last": days[-1]}):
        due.setdefault(asset, {})[day] = (receive, pay)
    out = []
    for asset in sorted({*have, *due}):
        left = if_late = have.get(asset, Decimal(0))
        steps = []
        for day in days:
            mine = [
                amounts
                for at, amounts in due.get(asset, {}).items()
                if at == day or (day == days[-1] and days[0] < at < day and at not in days)
            ]
            receive, pay = (sum((one[i] for one in mine), Decimal(0)) for i in (0, 1))
            left, if_late = left + receive - pay, if_late - pay
            steps.append(Step(day, receive, pay, left))
        out.append(Funding(asset, have.get(asset, Decimal(0)), steps, if_late))
    return out


@dataclass(frozen=True, slots=True)
class TransferRow:
    id: UUID
    source: str
    target: str
    asset: str
    amount: Decimal
    status: str
    reason: str
    failure: str
    requested_at: datetime
    asked_by: str | None
    checked_by: str | None
    approval_id: UUID | None
    end_to_end_id: str | None
    payment: str | None


def list_transfers(limit: int = 100) -> list[TransferRow]:
    """House transfers, the newest first."""
    rows = db.run(
        """SELECT t.id, s.name, d.name, t.asset_id, t.amount, t.status, t.reason, t.failure, t.requested_at, m.username, k.username, p.id,
             i.end_to_end_id, i.status
           FROM settlement_housetransfer t JOIN settlement_nostro s ON s.id = t.source_id JOIN settlement_nostro d ON d.id = t.target_id
           LEFT JOIN settlement_instruction i ON i.house_transfer_id = t.id
           LEFT JOIN users_user m ON m.id = t.made_by LEFT JOIN users_user k ON k.id = t.checked_by
           LEFT JOIN approvals_approval p ON p.subject_id = t.id AND p.status = 'REQUESTED'
           ORDER BY t.requested_at DESC, t.id DESC LIMIT %s""",
        [limit],
    )
    return [TransferRow(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class WithdrawalRow:
    """What a client asked to be paid out of its balance and has not got yet; `payment` is the status of its instruction."""

    id: UUID
    account: str
    asset: str
    amount: Decimal
    status: str
    address: str
    ssi_status: str
    asked_by: str
    requested_at: datetime
    payment: str | None

    @property
    def may_be_rejected(self) -> bool:
        """Before it is instructed, or when its payment will never leave."""
        return self.status != "INSTRUCTED" or (self.payment == "BLOCKED" and self.ssi_status in {"REVOKED", "EXPIRED", "REJECTED"})


def list_withdrawals(limit: int = 100) -> list[WithdrawalRow]:
    """Those that are not at their end, the oldest first."""
    rows = db.run(
        """SELECT w.id, a.code, w.asset_id, w.amount, w.status, s.address, s.status, coalesce(m.name, ''), w.requested_at,
             (SELECT i.status FROM settlement_instruction i WHERE i.withdrawal_id = w.id ORDER BY i.attempt DESC LIMIT 1)
           FROM settlement_withdrawal w JOIN clients_account a ON a.id = w.account_id JOIN clients_ssi s ON s.id = w.ssi_id
           LEFT JOIN clients_member m ON m.id = w.requested_by
           WHERE w.status IN ('REQUESTED', 'CLIENT_APPROVED', 'HELD', 'INSTRUCTED') ORDER BY w.requested_at, w.id LIMIT %s""",
        [limit],
    )
    return [WithdrawalRow(*row) for row in rows]
