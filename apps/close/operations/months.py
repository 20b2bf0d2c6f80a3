"""Lock a month, and unlock it."""

from datetime import date
from uuid import UUID

from apps.core import db, ids
from apps.core.unit import step
from apps.events import operations as events

from .. import queries
from ..errors import MonthNotReady
from ..models import Month, MonthMove
from ..states import MONTH, MonthStatus


@step
def move_month(*, entity_id: UUID, first: date, to: MonthStatus, reason: str, asked_by: UUID, granted_by: UUID) -> Month:
    """OPEN ⇄ LOCKED, by two of finance (the approval's maker and checker). A locked month takes no posting and none of its days reopens.

    :param first: the first day of the month
    :raises MonthNotReady: a day of it that was opened is not closed
    :raises IllegalMove: it is so already
    """
    month = queries.lock_month(entity_id, first)
    if to is MonthStatus.LOCKED and (left := queries.list_unclosed(entity_id, first)):
        raise MonthNotReady(f"not closed: {', '.join(day.isoformat() for day in left)}", days=[day.isoformat() for day in left])
    MONTH.move(month, to)
    month.number += 1
    db.insert(
        MonthMove(id=ids.uuid7(), month=month, number=month.number, status=to, reason=reason, asked_by=asked_by, granted_by=granted_by)
    )
    month.save(update_fields=["status", "number"])
    kind = "month.locked" if to is MonthStatus.LOCKED else "month.unlocked"
    events.record(kind, subject_type="month", subject_id=month.id, house={"month": f"{first:%Y-%m}", "reason": reason})
    return month
