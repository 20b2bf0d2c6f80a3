"""Our own money: where it lies, what is on its way, and what each asset needs until T+2."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.core import db

from .where import Where


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
    """What we hold with (below zero: owe to) a venue or LP; what is on its way there, and what was asked for and has not left it.

    `stated`: what it last said itself, of the end of `stated_on`. `unexplained`: of its record what no transfer explains. `place_id`: the
    last word on where we pay in, None where nobody said; `address` then is empty.
    """

    code: str
    name: str
    entity: str
    asset: str
    amount: Decimal
    coming: Decimal
    asked: Decimal
    unexplained: Decimal
    stated: Decimal | None
    stated_on: date | None
    place_id: UUID | None
    rail: str
    address: str
    withdrawn: bool

    @property
    def available(self) -> Decimal:
        """What may be fetched, as far as we know: nothing of what we owe."""
        return max(Decimal(0), self.amount - self.asked)


_VENUES = """
WITH kept AS (
  SELECT entity_id, owner_id AS venue_id, asset_code AS asset, amount FROM ledger_ledgeraccount WHERE kind = 'VENUE'
), places AS (
  SELECT DISTINCT ON (entity_id, venue_id, asset_id) * FROM settlement_venueplace ORDER BY entity_id, venue_id, asset_id, version DESC
), going AS (
  SELECT t.entity_id, p.venue_id, t.asset_id, coalesce(sum(t.amount - t.arrived) FILTER (WHERE t.target_id IS NULL), 0) AS there,
    coalesce(sum(i.amount - i.settled_amount) FILTER (WHERE t.source_id IS NULL AND i.status = 'SENT'), 0) AS back
  FROM settlement_housetransfer t JOIN settlement_venueplace p ON p.id = t.place_id
  JOIN settlement_instruction i ON i.house_transfer_id = t.id WHERE t.status = 'IN_TRANSIT' GROUP BY 1, 2, 3
), unexplained AS (
  SELECT entity_id, venue_id, asset_id, sum(amount - fee) AS amount FROM settlement_venuemovement
  WHERE transfer_id IS NULL AND amount <> 0 GROUP BY 1, 2, 3
)
SELECT c.code, c.name, e.code, b.asset, coalesce(k.amount, 0), coalesce(g.there, 0), coalesce(g.back, 0), coalesce(u.amount, 0),
  said.amount, said.date, p.id, coalesce(p.rail_id, ''), coalesce(p.address, ''), coalesce(p.withdrawn, false)
FROM (SELECT entity_id, venue_id, asset FROM kept WHERE amount <> 0 UNION SELECT entity_id, venue_id, asset_id FROM places) b
JOIN clients_counterparty c ON c.id = b.venue_id JOIN instruments_bookingentity e ON e.id = b.entity_id
LEFT JOIN kept k ON k.entity_id = b.entity_id AND k.venue_id = b.venue_id AND k.asset = b.asset
LEFT JOIN places p ON p.entity_id = b.entity_id AND p.venue_id = b.venue_id AND p.asset_id = b.asset
LEFT JOIN going g ON g.entity_id = b.entity_id AND g.venue_id = b.venue_id AND g.asset_id = b.asset
LEFT JOIN unexplained u ON u.entity_id = b.entity_id AND u.venue_id = b.venue_id AND u.asset_id = b.asset
LEFT JOIN LATERAL (
  SELECT v.amount, v.date FROM close_venuebalance v WHERE v.entity_id = b.entity_id AND v.counterparty_id = b.venue_id
    AND v.asset_code = b.asset ORDER BY v.date DESC, v.imported_at DESC, v.id DESC LIMIT 1) said ON true
ORDER BY c.name, e.code, b.asset
"""


def list_venues() -> list[VenueRow]:
    """Every balance with a venue or LP, and every place where we pay in."""
    return [VenueRow(*row) for row in db.run(_VENUES)]


@dataclass(frozen=True, slots=True)
class MovementRow:
    """A line of a venue's record that no transfer explains."""

    id: UUID
    venue: str
    asset: str
    amount: Decimal
    fee: Decimal
    reference: str
    transaction: str
    booked_at: datetime


def list_unexplained(limit: int, after: Sequence[Any] | None = None) -> list[MovementRow]:
    """The oldest first, `after` (booked at, id)."""
    where = Where("m.transfer_id IS NULL", "m.amount <> 0").row("(m.booked_at, m.id) > (%s, %s)", after)
    rows = db.run(
        f"""SELECT m.id, c.name, m.asset_id, m.amount, m.fee, m.reference, m.transaction, m.booked_at FROM settlement_venuemovement m
           JOIN clients_counterparty c ON c.id = m.venue_id WHERE {where.sql} ORDER BY m.booked_at, m.id LIMIT %s""",  # noqa: S608
        [*where.params, limit],
    )
    return [MovementRow(*row) for row in rows]


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
  SELECT w.asset_id, %(today)s, 0, w.amount - coalesce((SELECT sum(i.amount) FROM settlement_instruction i
    WHERE i.withdrawal_id = w.id AND i.status IN ('SENT', 'SETTLED')), 0)
  FROM settlement_withdrawal w WHERE w.status IN ('HELD', 'INSTRUCTED')
  UNION ALL
  SELECT i.asset_id, %(today)s, 0, -i.amount FROM settlement_instruction i
  WHERE i.direction = 'PAY' AND i.status = 'SENT' AND (i.net_leg_id IS NOT NULL OR i.obligation_id IS NOT NULL)
  UNION ALL
  SELECT t.asset_id, %(today)s, CASE WHEN t.status = 'IN_TRANSIT' AND d.designation = 'HOUSE' THEN t.amount - t.arrived ELSE 0 END,
    CASE WHEN t.status <> 'IN_TRANSIT' AND o.designation = 'HOUSE' THEN t.amount ELSE 0 END
  FROM settlement_housetransfer t LEFT JOIN settlement_nostro o ON o.id = t.source_id LEFT JOIN settlement_nostro d ON d.id = t.target_id
  WHERE t.status IN ('APPROVED', 'INSTRUCTED', 'IN_TRANSIT')
  UNION ALL
  SELECT l.asset_id, greatest(s.value_date, %(today)s), CASE l.direction WHEN 'RECEIVE' THEN -l.settled_amount ELSE 0 END,
    CASE l.direction WHEN 'PAY' THEN -l.settled_amount ELSE 0 END
  FROM settlement_netleg l JOIN settlement_netset s ON s.id = l.net_set_id WHERE l.status = 'PART_SETTLED'
) due WHERE day <= %(last)s GROUP BY asset, day ORDER BY asset, day
"""


def list_funding(days: list[date], places: list[PlaceRow]) -> list[Funding]:
    """What open obligations, withdrawals and house transfers need, asset by asset; what is overdue counts as due on the first day, and what
    is on its way to a house account as coming then.

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
    arrived: Decimal
    status: str
    reason: str
    failure: str
    requested_at: datetime
    asked_by: str | None
    checked_by: str | None
    approval_id: UUID | None
    end_to_end_id: str | None
    payment: str | None
    is_capital: bool
    on_a_list: bool

    @property
    def may_be_cancelled(self) -> bool:
        """Until somebody has released its payment."""
        return self.status in {"REQUESTED", "APPROVED"} or (self.status == "INSTRUCTED" and self.payment in {"READY", "BLOCKED"})


def list_transfers(limit: int = 100, after: Sequence[Any] | None = None) -> list[TransferRow]:
    """House transfers, the newest first, `after` (requested at, id); `on_a_list`: the lists know the owner to whom it is to go, and nobody
    has decided on that."""
    where = Where().row("(t.requested_at, t.id) < (%s, %s)", after)
    rows = db.run(
        f"""SELECT t.id, coalesce(s.name, v.name), coalesce(d.name, v.name, t.owner_name), t.asset_id, t.amount, t.arrived, t.status,
             t.reason,
             t.failure, t.requested_at, m.username, k.username, p.id, i.end_to_end_id, i.status, t.owner_address <> '',
             t.owner_address <> '' AND t.status IN ('REQUESTED', 'APPROVED', 'INSTRUCTED') AND coalesce((SELECT c.result
               FROM compliance_screening c WHERE c.subject_id = t.id ORDER BY c.screened_at DESC, c.id DESC LIMIT 1) = 'HIT', false)
           FROM settlement_housetransfer t LEFT JOIN settlement_nostro s ON s.id = t.source_id
           LEFT JOIN settlement_nostro d ON d.id = t.target_id LEFT JOIN settlement_venueplace pl ON pl.id = t.place_id
           LEFT JOIN clients_counterparty v ON v.id = pl.venue_id
           LEFT JOIN settlement_instruction i ON i.house_transfer_id = t.id
           LEFT JOIN users_user m ON m.id = t.made_by LEFT JOIN users_user k ON k.id = t.checked_by
           LEFT JOIN LATERAL (SELECT a.id FROM approvals_approval a WHERE a.subject_id = t.id AND a.status = 'REQUESTED'
             ORDER BY a.requested_at DESC, a.id DESC LIMIT 1) p ON true
           WHERE {where.sql} ORDER BY t.requested_at DESC, t.id DESC LIMIT %s""",  # noqa: S608
        [*where.params, limit],
    )
    return [TransferRow(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class StrangerRow:
    """A receipt in quarantine that is no client's."""

    id: UUID
    sender: str
    asset: str
    amount: Decimal
    seen_at: datetime


def list_strangers(limit: int, after: Sequence[Any] | None = None) -> list[StrangerRow]:
    """Of these some may be capital; the oldest first, `after` (seen at, id)."""
    where = Where("status = 'QUARANTINED'", "account_id IS NULL").row("(seen_at, id) > (%s, %s)", after)
    rows = db.run(
        f"""SELECT id, coalesce(nullif(sender_name, ''), nullif(sender_address, ''), 'unknown'), asset_id, amount, seen_at
           FROM settlement_receipt WHERE {where.sql} ORDER BY seen_at, id LIMIT %s""",  # noqa: S608
        [*where.params, limit],
    )
    return [StrangerRow(*row) for row in rows]


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


def list_withdrawals(limit: int, after: Sequence[Any] | None = None) -> list[WithdrawalRow]:
    """Those that are not at their end, the oldest first, `after` (requested at, id)."""
    where = Where("w.status IN ('REQUESTED', 'CLIENT_APPROVED', 'HELD', 'INSTRUCTED')")
    where.row("(w.requested_at, w.id) > (%s, %s)", after)
    rows = db.run(
        f"""SELECT w.id, a.code, w.asset_id, w.amount, w.status, s.address, s.status, coalesce(m.name, ''), w.requested_at,
             (SELECT i.status FROM settlement_instruction i WHERE i.withdrawal_id = w.id ORDER BY i.attempt DESC LIMIT 1)
           FROM settlement_withdrawal w JOIN clients_account a ON a.id = w.account_id JOIN clients_ssi s ON s.id = w.ssi_id
           LEFT JOIN clients_member m ON m.id = w.requested_by
           WHERE {where.sql} ORDER BY w.requested_at, w.id LIMIT %s""",  # noqa: S608
        [*where.params, limit],
    )
    return [WithdrawalRow(*row) for row in rows]
