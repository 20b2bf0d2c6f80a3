"""Open a business day, start its close, keep its proofs, close it; open it again."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from apps.core import db, ids
from apps.core.actor import Actor
from apps.core.errors import IllegalMove
from apps.core.unit import step
from apps.events import operations as events
from apps.users import rules as people

from .. import queries, rules
from ..errors import DayNotOver, DayNotReady, EarlierDayOpen, MonthIsLocked, NotACloser, SameHandsClose
from ..models import BusinessDay, Closing, ClosingBalance, Proof, Reopening
from ..rules import Carried, Taken
from ..states import DAY, DayStatus, MonthStatus


@step
def open_day(*, entity_id: UUID, on: date) -> BusinessDay:
    """The business day, opened once however often it is asked for.

    :raises MonthIsLocked: it was never opened, and its month is locked
    """
    with db.refuse_on("close_month_is_locked", MonthIsLocked(f"{on:%B %Y} is locked")):
        opened = db.run(
            "INSERT INTO close_businessday (id, entity_id, date, status) VALUES (%s, %s, %s, 'OPEN') ON CONFLICT (entity_id, date) "
            "DO NOTHING RETURNING id",
            (ids.uuid7(), entity_id, on),
        )
    day = queries.find_day(entity_id, on)
    assert day is not None, "inserted or there before"
    if opened:
        _tell("day.opened", day)
    return day


@step
def start_close(*, entity_id: UUID, on: date, actor: Actor, today: date) -> BusinessDay:
    """OPEN → CLOSING, by operations, once the date has rolled.

    :param today: the entity's business date now
    :raises NoSuchDay, NotACloser, DayNotOver, EarlierDayOpen
    :raises IllegalMove: it is closing or closed already
    """
    if actor.id is None or not people.may_make(actor.roles, "day_close"):
        raise NotACloser("operations start the close of a day")
    day = queries.lock_day(entity_id, on)
    if on >= today:
        raise DayNotOver(f"{on.isoformat()} rolls into the next date first", business_date=today.isoformat())
    _require_earlier_closed(entity_id, on)
    DAY.move(day, DayStatus.CLOSING)
    day.started_by = actor.id
    day.save(update_fields=["status", "started_by"])
    _tell("day.closing", day)
    return day


def _require_earlier_closed(entity_id: UUID, on: date) -> None:
    if (earlier := queries.find_open_before(entity_id, on)) is not None:
        raise EarlierDayOpen(f"{earlier.isoformat()} is not closed", date=earlier.isoformat())


@step
def keep_proofs(*, day: BusinessDay, taken: Sequence[Taken], now: datetime) -> list[Proof]:
    """Record what was proven, and what not. Earlier proofs stay beside it."""
    rows = [
        Proof(id=ids.uuid7(), day=day, kind=one.kind, proven=one.proven, detail={"breaks": one.breaks, **one.detail}, taken_at=now)
        for one in taken
    ]
    db.insert(*rows)
    return rows


@step
def keep_changed(*, day: BusinessDay, taken: Sequence[Taken], now: datetime) -> list[Proof]:
    """Of these proofs those that are other than the last ones kept: a run that finds the same leaves nothing behind."""
    last = {one.kind: (one.proven, one.detail) for one in queries.list_proofs(day.id)}
    fresh = [one for one in taken if last.get(one.kind) != (one.proven, {"breaks": one.breaks, **one.detail})]
    return keep_proofs(day=day, taken=fresh, now=now) if fresh else []


@step
def close_day(*, entity_id: UUID, on: date, actor: Actor, taken: Sequence[Taken], carried: Sequence[Carried], now: datetime) -> BusinessDay:
    """CLOSING → CLOSED, by finance or risk, never by who started it, with every proof proven.

    :param taken: the proofs, taken in this transaction, which has stopped the postings of the day before it took them
    :param carried: what is left open of each account; the proofs of later days are read from there
    :raises NoSuchDay, NotACloser, SameHandsClose
    :raises EarlierDayOpen: one was opened again since this close was started
    :raises DayNotReady: `missing` lists each proof that fails, with its breaks
    :raises IllegalMove: its close was not started, or it is closed
    """
    if actor.id is None or not people.may_check(actor.roles, "day_close"):
        raise NotACloser("finance or risk close a day")
    day = queries.lock_day(entity_id, on)
    DAY.move(day, DayStatus.CLOSED)
    if day.started_by == actor.id:
        raise SameHandsClose(on.isoformat())
    _require_earlier_closed(entity_id, on)
    missing = [{"proof": str(one.kind), "breaks": one.breaks} for one in taken if not one.proven]
    if missing:
        raise DayNotReady("; ".join(f"{one.kind}: {', '.join(one.breaks)}" for one in taken if not one.proven), missing=missing)
    keep_proofs(day=day, taken=taken, now=now)
    day.closed_by, day.closed_at = actor.id, now
    day.save(update_fields=["status", "closed_by", "closed_at"])
    _carry(day, carried)
    _tell("day.closed", day)
    return day


def _carry(day: BusinessDay, carried: Sequence[Carried]) -> None:
    closing = Closing(id=ids.uuid7(), day=day)
    balances = [
        ClosingBalance(
            id=ids.uuid7(),
            closing=closing,
            kind=one.kind,
            owner_id=one.owner_id,
            asset_code=one.asset,
            ledger=one.ledger,
            version=one.version,
            stated=one.stated,
            sequence=one.sequence,
            apart=one.apart,
            open_lines=one.open_lines,
            open_statement_lines=one.open_statement_lines,
        )
        for one in carried
    ]
    db.insert(closing)
    for one in balances:
        db.insert(one)


@step
def stop_close(*, entity_id: UUID, on: date, actor: Actor, reason: str) -> BusinessDay:
    """CLOSING → OPEN: the close is given up, to correct something first.

    :raises NoSuchDay, NotACloser
    :raises IllegalMove: nothing is closing
    """
    if actor.id is None or not (people.may_make(actor.roles, "day_close") or people.may_check(actor.roles, "day_close")):
        raise NotACloser("operations, finance or risk")
    day = queries.lock_day(entity_id, on)
    if day.status != DayStatus.CLOSING:  # the table lets a CLOSED day reopen too, but that takes four eyes
        raise IllegalMove(f"the day is {day.status}", state=str(day.status))
    DAY.move(day, DayStatus.OPEN)
    day.started_by = None
    day.save(update_fields=["status", "started_by"])
    _tell("day.reopened", day, reason=reason)
    return day


@step
def reopen_day(*, day_id: UUID, reason: str, asked_by: UUID, granted_by: UUID, now: datetime) -> BusinessDay:
    """CLOSED → OPEN, by two of finance or risk (the approval's maker and checker).

    :raises MonthIsLocked: its month is locked
    :raises IllegalMove: it is not closed
    """
    day = queries.lock_day_by_id(day_id)
    month = queries.lock_month(day.entity_id, rules.first_of(day.date))  # who locks it waits, and sees the day open
    if month.status == MonthStatus.LOCKED:
        raise MonthIsLocked(f"{day.date:%B %Y} is locked")
    if day.status != DayStatus.CLOSED:
        raise IllegalMove(f"the day is {day.status}", state=str(day.status))
    assert day.closed_at is not None, "a closed day has its moment"
    undone = Reopening(
        id=ids.uuid7(), day=day, closed_at=day.closed_at, reason=reason, asked_by=asked_by, granted_by=granted_by, reopened_at=now
    )
    db.insert(undone)
    DAY.move(day, DayStatus.OPEN)
    day.started_by, day.closed_by, day.closed_at = None, None, None
    day.save(update_fields=["status", "started_by", "closed_by", "closed_at"])
    _tell("day.reopened", day, reason=reason)
    return day


def _tell(kind: str, day: BusinessDay, **house: str) -> None:
    events.record(kind, subject_type="business_day", subject_id=day.id, house={"date": day.date.isoformat(), **house})
