"""Passive breaches: a use that stands past its line is recorded, told, and cured by what brings it back."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from apps.core import db, ids, money
from apps.core.unit import step
from apps.credit import queries, rules
from apps.credit.models import Breach, Line
from apps.credit.states import CAPS, BreachKind, Level
from apps.events import operations as events

from . import calls

CALL_DUE_IN = timedelta(hours=24)


@step
def review(*, line_id: UUID, cause: BreachKind = BreachKind.MARKS, now: datetime) -> Breach | None:
    """Look at one line, under its lock: open a breach, widen it, or cure it. The open one, if any.

    :param cause: what may have carried the use past the line; an expired line says so itself
    """
    line = Line.objects.select_for_update(no_key=True).get(id=line_id)
    if line.measure in CAPS:
        return None
    over = queries.exposure_of(line) - queries.limit_of(line, now)
    if over > 0:
        found = record(line_id=line.id, kind=BreachKind.EXPIRED if line.valid_until <= now else cause, over=over, now=now)
        if over > queries.limit_of(line, now) * rules.CALL_FROM and line.level in {Level.CLIENT, Level.GROUP, Level.ACCOUNT}:
            calls.issue_by_system(line=line, amount=over, due_at=now + CALL_DUE_IN, now=now)
        return found
    cure(line=line, now=now)
    return None


@step
def record(*, line_id: UUID, kind: BreachKind, over: Decimal, now: datetime) -> Breach:
    """The line's open breach, opened if there is none; it keeps its first cause and its worst amount."""
    found = Breach.objects.filter(line_id=line_id, cured_at__isnull=True).first()
    if found is not None:
        if over > found.over:
            found.over = over
            found.save(update_fields=["over"])
        return found
    found = Breach(id=ids.uuid7(), line_id=line_id, kind=kind, over=over, since=now)
    db.insert(found)
    house = _whose(Line.objects.only("level", "measure", "subject_id").get(id=line_id))
    events.record("credit.breached", subject_type="line", subject_id=line_id, house={"kind": str(kind), "over": money.text(over), **house})
    return found


@step
def cure(*, line: Line, now: datetime) -> None:
    """The use is within the line again: its breach ends, and what was called for it is met."""
    found = Breach.objects.filter(line=line, cured_at__isnull=True).first()
    if found is not None:
        found.cured_at = now
        found.save(update_fields=["cured_at"])
        events.record("credit.cured", subject_type="line", subject_id=line.id, house={"kind": str(found.kind), **_whose(line)})
        calls.meet_calls(line_id=line.id, now=now)


def _whose(line: Line) -> dict[str, str]:
    return {"level": str(line.level), "measure": str(line.measure), "subject": str(line.subject_id)}
