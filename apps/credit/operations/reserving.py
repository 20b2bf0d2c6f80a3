"""Reserve at the quote, commit at the accept, release or close at the end. One live reservation per request and line."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.core import db, flights, ids, money
from apps.core.flights import Statement
from apps.core.unit import step
from apps.credit import queries, rules
from apps.credit.errors import CreditExceeded
from apps.credit.queries import OF, ORDER, Facts
from apps.credit.rules import Claim, Headroom, LineState
from apps.credit.states import BreachKind, Measure, ReservationStatus

from . import breaches

_LOCK = f"SELECT l.id FROM credit_line l WHERE {OF} ORDER BY {ORDER} FOR NO KEY UPDATE"  # noqa: S608
_LOCK_ALL = f"""
SELECT l.id FROM credit_line l WHERE l.level IN ('GROUP', 'CLIENT', 'ACCOUNT') AND l.subject_id = ANY (%s::uuid[])
ORDER BY {ORDER} FOR NO KEY UPDATE
"""  # noqa: S608
_LOCK_SOURCE = f"""
SELECT l.id FROM credit_line l JOIN credit_reservation r ON r.line_id = l.id WHERE r.source_id = %s AND r.status = 'RESERVED'
ORDER BY {ORDER} FOR NO KEY UPDATE OF l
"""  # noqa: S608
_LOCK_CLIENT = f"""
SELECT l.id FROM credit_line l WHERE (l.level = 'GROUP' AND l.subject_id = %(group)s::uuid) OR (l.level = 'CLIENT' AND
  l.subject_id = %(client)s)
  OR (l.level = 'ACCOUNT' AND l.subject_id = ANY (%(accounts)s::uuid[]))
ORDER BY {ORDER} FOR NO KEY UPDATE
"""  # noqa: S608
_TAKE = """
WITH x AS MATERIALIZED (
  SELECT * FROM unnest(%(ids)s::uuid[], %(lines)s::uuid[], %(amounts)s::numeric[], %(unchecked)s::numeric[], %(reserved)s::numeric[],
    %(used)s::numeric[], %(days)s::date[]) AS x(id, line_id, amount, unchecked, reserved, used, day)
), r AS (
  INSERT INTO credit_reservation (id, line_id, source_id, deal_id, account_id, pair_code, notional, haircut, reduces, amount,
    unchecked, day,
    status, created_at)
  SELECT x.id, x.line_id, %(source)s, %(deal)s::uuid, %(account)s, %(pair)s, %(notional)s, %(haircut)s, %(reduces)s::numeric, x.amount,
    x.unchecked, x.day, %(status)s, %(now)s FROM x
  ON CONFLICT (line_id, source_id) WHERE status IN ('RESERVED', 'COMMITTED')
  DO UPDATE SET amount = EXCLUDED.amount, notional = greatest(credit_reservation.notional, EXCLUDED.notional)
), d AS (
  INSERT INTO credit_lineday AS d (id, line_id, day, reserved, used, unchecked)
  SELECT x.id, x.line_id, x.day, x.reserved, x.used, x.unchecked FROM x WHERE x.day IS NOT NULL
  ON CONFLICT (line_id, day) DO UPDATE SET reserved = d.reserved + EXCLUDED.reserved, used = d.used + EXCLUDED.used,
    unchecked = d.unchecked + EXCLUDED.unchecked
)
UPDATE credit_line l SET reserved = l.reserved + x.reserved, used = l.used + x.used, unchecked = l.unchecked + x.unchecked
FROM x WHERE l.id = x.line_id AND x.day IS NULL
"""
_END = f"""
WITH k AS MATERIALIZED (
  SELECT l.id FROM credit_line l JOIN credit_reservation r ON r.line_id = l.id AND r.source_id = %(source)s
  WHERE r.status = %(from)s ORDER BY {ORDER} FOR NO KEY UPDATE OF l
), r AS (
  UPDATE credit_reservation c SET status = %(to)s, deal_id = coalesce(%(deal)s, c.deal_id), ended_at = %(ended)s
  FROM k WHERE c.line_id = k.id AND c.source_id = %(source)s AND c.status = %(from)s
  RETURNING c.line_id, c.amount - c.unchecked AS amount, c.day
), d AS (
  UPDATE credit_lineday d SET reserved = d.reserved + r.amount * %(reserved)s, used = d.used + r.amount * %(used)s
  FROM r WHERE d.line_id = r.line_id AND d.day = r.day
), l AS (
  UPDATE credit_line l SET reserved = l.reserved + r.amount * %(reserved)s, used = l.used + r.amount * %(used)s
  FROM r WHERE l.id = r.line_id AND r.day IS NULL
)
SELECT line_id FROM r
"""  # noqa: S608
# A daily cap keeps what was dealt: closing a deal gives nothing of it back.
_CLOSE = f"""
WITH k AS MATERIALIZED (
  SELECT l.id, l.measure FROM credit_line l
  WHERE l.id IN (SELECT r.line_id FROM credit_reservation r WHERE r.source_id = ANY (%(sources)s::uuid[]) AND r.status = 'COMMITTED')
  ORDER BY {ORDER} FOR NO KEY UPDATE OF l
), r AS (
  UPDATE credit_reservation c SET status = 'CLOSED', ended_at = %(ended)s FROM k
  WHERE c.line_id = k.id AND c.source_id = ANY (%(sources)s::uuid[]) AND c.status = 'COMMITTED'
  RETURNING c.line_id, c.amount - c.unchecked AS amount, c.unchecked, c.day, CASE k.measure WHEN 'DAILY' THEN 0 ELSE 1 END AS counts
), d AS (
  UPDATE credit_lineday d SET used = d.used - s.amount, unchecked = d.unchecked - s.unchecked
  FROM (SELECT line_id, day, sum(amount * counts) AS amount, sum(unchecked * counts) AS unchecked FROM r GROUP BY 1, 2) s
  WHERE d.line_id = s.line_id AND d.day = s.day
), l AS (
  UPDATE credit_line l SET used = l.used - s.amount, unchecked = l.unchecked - s.unchecked
  FROM (SELECT line_id, sum(amount) AS amount, sum(unchecked) AS unchecked FROM r WHERE day IS NULL GROUP BY 1) s WHERE l.id = s.line_id
)
SELECT line_id FROM r
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Agreed:
    """A deal on behalf as it was taken: `over` names the limits (LEVEL MEASURE) that it did not fit, with what lies beyond them."""

    over: dict[str, Decimal]

    @property
    def fits(self) -> bool:
        return not self.over


def reads_of(claim: Claim) -> list[Statement]:
    """What :func:`reserve` locks and reads first, for who can send it ahead."""
    sql, params = queries.facts_of(claim)
    return [Statement(_LOCK, _of(claim)), Statement(sql, params)]


@step
def reserve(*, claim: Claim, now: datetime) -> Headroom:
    """Take what a claim needs of group, client and account lines and caps, in that order of locks; of a request that holds some already
    (a requote, a streamed price) only what is missing. What it holds never shrinks before it ends.

    :raises AccountUnavailable: the client or account is not approved any more (RESTRICTED may reduce)
    :raises MarkStale: an asset of the pair has no live mark
    :raises CreditExceeded, CapExceeded, LineBreached: see `rules.take`
    """
    facts = _lock_and_read(claim)
    room, takes = facts.take(claim, now)
    grown = [(line, line.mine + more, more) for line, more in takes if more or not line.mine]
    if grown:
        ended = CreditExceeded("a line or its excess ended at this moment", binding=room.binding, measure=room.measure, headroom="0")
        params = _taken(claim, facts.haircut, [(line, amount, money.ZERO, more, money.ZERO) for line, amount, more in grown], now)
        # The triggers look at the clock once more.
        db.send(_TAKE, params, refuse={"credit_limit": ended, "credit_day_limit": ended})
    return room


@step
def adjust(*, claim: Claim, lower: bool, now: datetime) -> Headroom:
    """:func:`reserve` for the next quote of a request, which may take less than the one before.

    :param lower: whether it may: no older quote can be executed any more
    :raises AppError: as :func:`reserve`
    """
    if lower:
        release(source_id=claim.source_id, now=now)
    return reserve(claim=claim, now=now)


@step
def book_agreed(*, claim: Claim, deal_id: UUID, now: datetime) -> Agreed:
    """Take a deal that was agreed by voice or chat, whether it fits or not: what lies beyond a line is unchecked, and a breach.

    :param claim: its source has no reservation yet
    """
    return _take_agreed(claim, deal_id, now, besides=(Measure.DEAL,))


@step
def retake(*, claim: Claim | None, source_id: UUID, deal_id: UUID, now: datetime) -> Agreed:
    """What a deal takes from now on instead of what it took: after a version, or an allocation. It is taken whether it fits or not; what
    lies beyond a line is unchecked, and a breach. Daily caps keep what was dealt.

    :param claim: None where nothing is owed any more
    """
    close(source_id=source_id, now=now)
    return Agreed({}) if claim is None else _take_agreed(claim, deal_id, now, besides=(Measure.DEAL, Measure.DAILY))


@step
def allocate(*, claim: Claim, deal_id: UUID, now: datetime) -> Headroom:
    """Take for a deal's account what the claim needs, if it fits: an allocation is checked like a deal of that account.

    :raises AppError: as :func:`reserve`
    """
    room = reserve(claim=claim, now=now)
    commit(source_id=claim.source_id, deal_id=deal_id)
    return room


@step
def lock_lines(*, group_id: UUID | None, client_id: UUID, account_id: UUID) -> None:
    """Lock group → client → account lines."""
    db.run(_LOCK, {"group": group_id, "client": client_id, "account": account_id})


@step
def lock_all_lines(*, subject_ids: Iterable[UUID]) -> None:
    """Lock the lines of several groups, clients and accounts, in the same order."""
    db.run(_LOCK_ALL, (db.array(subject_ids),))


@step
def lock_client(*, group_id: UUID | None, client_id: UUID, account_ids: Sequence[UUID]) -> None:
    """Lock every line that a deal of this client may take: its group's, its own, those of all its accounts."""
    db.run(_LOCK_CLIENT, {"group": group_id, "client": client_id, "accounts": db.array(account_ids)})


@step
def lock_source(*, source_id: UUID) -> None:
    """Lock the lines that a request has something of."""
    db.run(_LOCK_SOURCE, (source_id,))


@step
def commit(*, source_id: UUID, deal_id: UUID) -> bool:
    """RESERVED → COMMITTED for a deal: it never fails for credit. False when nothing was reserved any more."""
    return bool(db.run(_END, _moved(source_id, ReservationStatus.RESERVED, ReservationStatus.COMMITTED, deal_id=deal_id)))


@step
def commit_with_next(*, source_id: UUID, deal_id: UUID) -> None:
    """:func:`commit` for who need not know: it goes out with, and before, the next statement that is waited for."""
    db.send(_END, _moved(source_id, ReservationStatus.RESERVED, ReservationStatus.COMMITTED, deal_id=deal_id))


@step
def release(*, source_id: UUID, now: datetime) -> bool:
    """RESERVED → RELEASED; False when there was nothing to release."""
    return bool(db.run(_END, _moved(source_id, ReservationStatus.RESERVED, ReservationStatus.RELEASED, now=now)))


@step
def close(*, source_id: UUID, now: datetime) -> bool:
    """COMMITTED → CLOSED: what it was taken for has settled. False when it had nothing any more."""
    return close_all(source_ids=[source_id], now=now)


@step
def close_all(*, source_ids: Collection[UUID], now: datetime) -> bool:
    """:func:`close` of several, in one statement."""
    return bool(source_ids) and bool(db.run(_CLOSE, {"sources": db.array(source_ids), "ended": now}))


def _take_agreed(claim: Claim, deal_id: UUID, now: datetime, besides: Sequence[Measure]) -> Agreed:
    facts = _lock_and_read(claim)
    over: dict[str, Decimal] = {}
    taken = []
    for line in facts.lines:
        if line.measure in besides:
            continue
        amount = rules.wanted(claim, line.measure, facts.haircut)
        unchecked = amount - rules.fits(line, amount, now)
        if unchecked:
            over[f"{line.level} {line.measure}"] = unchecked
            breaches.record(line_id=line.id, kind=BreachKind.AGREED, over=line.with_more(amount).exposure() - line.limit(now), now=now)
        if amount or line.measure == Measure.PRE_SETTLEMENT:
            taken.append((line, amount, unchecked, money.ZERO, amount - unchecked))
    if taken:
        db.run(_TAKE, _taken(claim, facts.haircut, taken, now) | {"deal": deal_id, "status": str(ReservationStatus.COMMITTED)})
    return Agreed(over)


def _lock_and_read(claim: Claim) -> Facts:
    _, rows = flights.fly(reads_of(claim))
    return queries.read_facts(rows)


def _of(claim: Claim) -> dict[str, Any]:
    return {"group": claim.group_id, "client": claim.client_id, "account": claim.account_id}


def _taken(
    claim: Claim, haircut: Decimal, rows: Sequence[tuple[LineState, Decimal, Decimal, Decimal, Decimal]], now: datetime
) -> dict[str, Any]:
    """The parameters of _TAKE; a row: line, the reservation's amount, its unchecked part, what reserved and used grow by."""
    return {
        "ids": db.array(ids.uuid7() for _ in rows),
        "lines": db.array(row[0].id for row in rows),
        "amounts": db.array(row[1] for row in rows),
        "unchecked": db.array(row[2] for row in rows),
        "reserved": db.array(row[3] for row in rows),
        "used": db.array(row[4] for row in rows),
        "days": db.array(row[0].day for row in rows),
        "source": claim.source_id,
        "deal": None,
        "account": claim.account_id,
        "pair": claim.pair,
        "notional": money.round_up(claim.notional, rules.CENT),
        "haircut": haircut,
        "reduces": claim.reduces,
        "status": str(ReservationStatus.RESERVED),
        "now": now,
    }


def _moved(
    source_id: UUID, old: ReservationStatus, new: ReservationStatus, *, deal_id: UUID | None = None, now: datetime | None = None
) -> dict[str, Any]:
    """The parameters of _END."""
    reserved, used = {"COMMITTED": (-1, 1), "RELEASED": (-1, 0)}[new]
    return {"source": source_id, "from": str(old), "to": str(new), "deal": deal_id, "ended": now, "reserved": reserved, "used": used}
