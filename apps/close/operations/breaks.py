"""Breaks of reconciliation: found once, aged, worked on by people, ended by going away or by a write-off."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from apps.core import db, ids, money
from apps.core.actor import Actor
from apps.core.errors import IllegalMove
from apps.core.unit import step
from apps.events import operations as events

from .. import queries
from ..errors import NotYourBreak
from ..models import Break, BreakNote, BusinessDay
from ..rules import Found
from ..states import BREAK, BreakStatus


@step
def keep_breaks(*, day: BusinessDay, found: Sequence[Found], now: datetime) -> list[Break]:
    """What this run found, as rows: known ones stay and age, new ones are made, those that are gone are RESOLVED. The caller holds the day.

    A difference that has another amount than the one that was explained is explained no more. One that was first seen on a later date than
    this is a new one of this date, with its owner and explanation: it keeps this day open, and is written off on it.

    :return: the breaks that are open now
    """
    known = {(one.proof, one.kind, one.key): one for one in queries.lock_breaks(day.entity_id)}
    out = []
    for one in found:
        row = known.pop((str(one.proof), one.kind, one.key), None)
        out.append(_open(day, one, now) if row is None else _earlier(day, row, one, now) if row.since > day.date else _again(row, one, now))
    for gone in known.values():
        if gone.since > day.date:  # of a later date than this run looks at
            out.append(gone)
            continue
        _resolve(gone, "it is gone: both sides agree", now)
    return out


def _open(day: BusinessDay, one: Found, now: datetime) -> Break:
    row = Break(
        id=ids.uuid7(),
        entity_id=day.entity_id,
        proof=one.proof,
        kind=one.kind,
        key=one.key,
        asset_code=one.asset,
        amount=one.amount,
        words=one.words[:300],
        detail=one.detail,
        status=BreakStatus.OPEN,
        since=min(one.since or day.date, day.date),
        found_at=now,
    )
    db.insert(row)
    _tell("break.found", row, words=row.words)
    return row


def _earlier(day: BusinessDay, row: Break, one: Found, now: datetime) -> Break:
    _resolve(row, f"it was there on {day.date.isoformat()} already", now)
    new = _open(day, one, now)
    new.owner_id, new.owner_name = row.owner_id, row.owner_name
    new.explanation = row.explanation if row.amount == one.amount else ""
    new.save(update_fields=["owner_id", "owner_name", "explanation"])
    return new


def _again(row: Break, one: Found, now: datetime) -> Break:
    if row.amount == one.amount and row.words == one.words[:300] and row.detail == one.detail:
        return row
    if row.explanation and row.amount != one.amount:
        was = "nothing" if row.amount is None else money.text(row.amount)
        _note(row, None, f"it was {was} when it was explained: {row.explanation}", now)
        row.explanation = ""
    row.amount, row.words, row.detail = one.amount, one.words[:300], one.detail
    row.save(update_fields=["amount", "words", "detail", "explanation"])
    return row


def _resolve(row: Break, why: str, now: datetime) -> None:
    BREAK.move(row, BreakStatus.RESOLVED)
    row.ended_at = now
    row.save(update_fields=["status", "ended_at"])
    _note(row, None, why, now)
    _tell("break.resolved", row)


@step
def take_break(*, break_id: UUID, owner: Actor, by: Actor, now: datetime) -> Break:
    """Who works on it from now on. The explanation of the one before goes."""
    row = _lock_open(break_id)
    if row.owner_id != owner.id:
        row.owner_id, row.owner_name, row.explanation = owner.id, owner.name, ""
        row.save(update_fields=["owner_id", "owner_name", "explanation"])
        _note(row, by, "takes it" if owner.id == by.id else f"gives it to {owner.name}", now)
        _tell("break.taken", row, owner=owner.name)
    return row


@step
def explain_break(*, break_id: UUID, by: Actor, text: str, now: datetime) -> Break:
    """Why it is there, and why the day may close over it. By its owner.

    :raises NotYourBreak: somebody else has it, or nobody
    """
    row = _lock_open(break_id)
    if by.id is None or row.owner_id != by.id:
        raise NotYourBreak(f"{row.owner_name or 'nobody'} has it: take it first")
    row.explanation = text
    row.save(update_fields=["explanation"])
    _note(row, by, f"explains it: {text}"[:300], now)
    _tell("break.explained", row, explanation=text)
    return row


@step
def comment_break(*, break_id: UUID, by: Actor, text: str, now: datetime) -> Break:
    row = queries.lock_break(break_id)
    _note(row, by, text, now)
    return row


@step
def write_off_break(*, break_id: UUID, asked_by: UUID, granted_by: Actor, reason: str, now: datetime) -> Break:
    """OPEN → WRITTEN_OFF: the ledger takes over what the outside says; the caller posts it."""
    row = _lock_open(break_id)
    BREAK.move(row, BreakStatus.WRITTEN_OFF)
    row.asked_by, row.granted_by, row.ended_at = asked_by, granted_by.id, now
    row.save(update_fields=["status", "asked_by", "granted_by", "ended_at"])
    _note(row, granted_by, f"written off: {reason}"[:300], now)
    _tell("break.written_off", row, reason=reason)
    return row


def _lock_open(break_id: UUID) -> Break:
    row = queries.lock_break(break_id)
    if row.status != BreakStatus.OPEN:
        raise IllegalMove(f"the break is {row.status}", state=str(row.status))
    return row


def _note(row: Break, by: Actor | None, text: str, now: datetime) -> None:
    db.insert(
        BreakNote(
            id=ids.uuid7(), one=row, by_id=None if by is None else by.id, by_name="" if by is None else by.name, text=text[:300], at=now
        )
    )


def _tell(kind: str, row: Break, **house: str) -> None:
    amount = None if row.amount is None else money.text(row.amount)
    told = {"proof": str(row.proof), "kind": row.kind, "about": row.key, "asset": row.asset_code, "amount": amount}
    events.record(kind, subject_type="break", subject_id=row.id, house={**told, **house})
