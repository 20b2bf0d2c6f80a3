"""What two people decide is kept in versions: nothing is changed, the last one is in force."""

from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model

from apps.approvals.models import Approval
from apps.core import db, ids
from apps.core.actor import Actor
from apps.core.unit import step
from apps.events import operations as events

M = TypeVar("M", bound=Model)


@step
def keep(*, of: type[M], version: int, approval: Approval, checker: Actor, now: datetime, **fields: Any) -> M:
    """The next version of what an approval of its kind asks for, in force from now on.

    :param version: the one that is in force; 0 where there is none yet
    """
    assert checker.id is not None
    made = of(
        id=ids.uuid7(),
        version=version + 1,
        reason=approval.payload["reason"],
        made_by=approval.maker_id,
        checked_by=checker.id,
        set_at=now,
        **fields,
    )
    db.insert(made)
    house = {**approval.payload, "version": version + 1}
    events.record(f"{approval.kind}.set", subject_type=approval.subject_type, subject_id=approval.subject_id, house=house)
    return made
