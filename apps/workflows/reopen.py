"""What was closed is opened again, and a month is locked: asked by one of finance, granted by another."""

from datetime import date, datetime
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.close import operations as close
from apps.close import queries as days
from apps.close import rules
from apps.close.errors import MonthIsLocked, MonthNotReady, NoSuchDay, ReasonMissing
from apps.close.models import BusinessDay, Month
from apps.close.states import DayStatus, MonthStatus
from apps.core.actor import Actor
from apps.core.errors import IllegalMove
from apps.core.unit import step, use_case
from apps.instruments import queries as instruments
from apps.ledger import operations as ledger
from apps.users import rules as people


@use_case
def ask_reopening(*, actor: Actor, entity_id: UUID, on: date, reason: str, now: datetime) -> Approval:
    """Finance ask to open a closed day again; another of finance, or risk, grants it.

    :raises RoleMissing, NoSuchDay, ReasonMissing, MonthIsLocked, IllegalMove, ApprovalOpen
    """
    people.require_may(actor.roles, "day_reopen")
    why = _reason(reason)
    day = days.find_day(entity_id, on)
    if day is None:
        raise NoSuchDay(on.isoformat())
    if day.status != DayStatus.CLOSED:
        raise IllegalMove(f"the day is {day.status}", state=str(day.status))
    if days.is_locked(entity_id, on):
        raise MonthIsLocked(f"{on:%B %Y} is locked: unlock it first, or let a correction post on the open day")
    return approvals.request(
        kind="day_reopen",
        subject_type="business_day",
        subject_id=day.id,
        subject_version=_day_version(day),
        title=f"Reopen {on.isoformat()} of {day.entity.name}",
        payload={"date": on.isoformat(), "status": "OPEN", "reason": why},
        before={"status": str(day.status)},
        maker=actor,
        checker_roles=people.ACTS["day_reopen"][1],
        now=now,
    )


@step
def reopen(*, approval: Approval, checker: Actor, now: datetime) -> BusinessDay:
    """What an approved request of kind "day_reopen" does."""
    assert checker.id is not None
    return close.reopen_day(
        day_id=approval.subject_id, reason=approval.payload["reason"], asked_by=approval.maker_id, granted_by=checker.id, now=now
    )


def day_version(approval: Approval) -> str:
    """The day of a request as it is now."""
    return _day_version(days.lock_day_by_id(approval.subject_id))


@use_case
def ask_month(*, actor: Actor, entity_id: UUID, month: date, to: MonthStatus, reason: str, now: datetime) -> Approval:
    """Finance ask to lock a month that is over, or to unlock it; another of finance grants it.

    :param month: any day of it
    :raises RoleMissing, ReasonMissing, MonthNotReady, IllegalMove, ApprovalOpen
    """
    people.require_may(actor.roles, "month_lock")
    why, first = _reason(reason), rules.first_of(month)
    entity = instruments.get_entity_by_id(entity_id)
    row = days.lock_month(entity_id, first)
    if row.status == to:
        raise IllegalMove(f"the month is {row.status}", state=str(row.status))
    if to is MonthStatus.LOCKED:
        if entity.business_date(now) < rules.next_month(first):
            raise MonthNotReady(f"{first:%B %Y} is not over")
        if left := days.list_unclosed(entity_id, first):
            raise MonthNotReady(f"not closed: {', '.join(day.isoformat() for day in left)}", days=[day.isoformat() for day in left])
    return approvals.request(
        kind="month_lock",
        subject_type="month",
        subject_id=row.id,
        subject_version=_month_version(row),
        title=f"{'Lock' if to is MonthStatus.LOCKED else 'Unlock'} {first:%B %Y} of {entity.name}",
        payload={"entity": str(entity_id), "month": first.isoformat(), "status": str(to), "reason": why},
        before={"status": str(row.status)},
        maker=actor,
        checker_roles=people.ACTS["month_lock"][1],
        now=now,
    )


@step
def move_month(*, approval: Approval, checker: Actor, now: datetime) -> Month:
    """What an approved request of kind "month_lock" does."""
    assert checker.id is not None
    asked = approval.payload
    entity_id, first, to = UUID(asked["entity"]), date.fromisoformat(asked["month"]), MonthStatus(asked["status"])
    for on in rules.days_of(first):
        ledger.stop_day(entity_id=entity_id, on=on)
    return close.move_month(
        entity_id=entity_id, first=first, to=to, reason=asked["reason"], asked_by=approval.maker_id, granted_by=checker.id
    )


def month_version(approval: Approval) -> str:
    """The month of a request as it is now."""
    return _month_version(days.lock_month(UUID(approval.payload["entity"]), date.fromisoformat(approval.payload["month"])))


def _day_version(day: BusinessDay) -> str:
    return f"{day.status}:{day.closed_at.isoformat() if day.closed_at else ''}"


def _month_version(month: Month) -> str:
    return f"{month.status}:{month.number}"


def _reason(text: str) -> str:
    why = text.strip()[:200]
    if not why:
        raise ReasonMissing("a reason, in words", pointer="/reason")
    return why
