"""Credit lines in tests: granted as at onboarding, changed by two people, and what is taken of them."""

from datetime import datetime, timedelta
from decimal import Decimal as D
from typing import Any
from uuid import UUID

from apps.clients import queries as clients
from apps.core import clock, db
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.core.unit import use_case
from apps.credit import operations as credit
from apps.credit import queries
from apps.credit.models import Line
from apps.credit.operations.lines import Limits
from apps.credit.states import Level, Measure
from apps.users.models import User
from apps.workflows.decide_approval import decide_approval
from apps.workflows.manage_credit import propose_line
from tests.people import staff

PRE, SETTLEMENT, DAILY, DEAL = Measure.PRE_SETTLEMENT, Measure.SETTLEMENT, Measure.DAILY, Measure.DEAL


def grant(*, subject_id: UUID, amount: str, level: str = "CLIENT", measure: Measure = PRE, days: float = 30) -> Line:
    """A new line: of one who is with us asked by one and approved by another, of a made-up id as onboarding grants it."""
    now = clock.desk_now()
    limits = Limits(amount=D(amount), valid_from=now - timedelta(days=1), valid_until=now + timedelta(days=days))
    try:
        clients.name_of(level, subject_id)
    except NotFound:
        made: Line = _at_onboarding(level=Level(level), subject_id=subject_id, measure=measure, limits=limits)
        return made
    maker, checker = risk()
    asked = propose_line(actor=maker, level=Level(level), subject_id=subject_id, measure=measure, limits=limits)
    done = decide_approval(approval_id=asked.id, actor=checker, approve=True)
    assert done.status == "EXECUTED", (done.status, done.comment)
    return Line.objects.get(id=asked.subject_id)


@use_case
def _at_onboarding(*, now: datetime, **given: Any) -> Line:
    return credit.set_line(now=now, **given)


def risk() -> tuple[Actor, Actor]:
    """Two people of risk."""
    there = {user.username: user.as_actor() for user in User.objects.filter(username__in=["rhea", "rolf"])}
    return there.get("rhea") or staff("rhea", "risk"), there.get("rolf") or staff("rolf", "risk")


def change(line: Line, **limits: object) -> Line:
    """Other limits for a line, asked by one and approved by another."""
    maker, checker = risk()
    now = clock.desk_now()
    given = {name: getattr(line, name) for name in ("amount", "excess", "excess_until", "excess_reason", "valid_from", "valid_until")}
    asked = propose_line(
        actor=maker,
        level=Level(line.level),
        subject_id=line.subject_id,
        measure=Measure(line.measure),
        limits=Limits(**given | limits),  # type: ignore[arg-type]
    )
    done = decide_approval(approval_id=asked.id, actor=checker, approve=True)
    assert done.status == "EXECUTED", (done.status, done.comment, now)
    return queries.get_line(line.id)


def change_all(amount: str) -> None:
    for line in Line.objects.all():
        change(line, amount=D(amount))


def taken(measure: Measure = PRE, level: str = "CLIENT") -> tuple[D, D]:
    """Reserved and used of the lines of one measure and level, over all days."""
    if measure == PRE:
        return db.one(
            "SELECT coalesce(sum(reserved), 0), coalesce(sum(used), 0) FROM credit_line WHERE measure = %s AND level = %s", (measure, level)
        )  # type: ignore[return-value]
    return db.one(  # type: ignore[return-value]
        "SELECT coalesce(sum(d.reserved), 0), coalesce(sum(d.used), 0) FROM credit_lineday d JOIN credit_line l ON l.id = d.line_id "
        "WHERE l.measure = %s AND l.level = %s",
        (measure, level),
    )
