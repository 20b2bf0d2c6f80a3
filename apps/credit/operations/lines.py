"""Limits: lines with their excess, caps, haircuts. Each is set by an approval of two people of risk, or with a client's onboarding."""

from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid5

from apps.core import db, ids, money
from apps.core.clock import wall_now
from apps.core.unit import step
from apps.credit import queries
from apps.credit.models import Grant, Haircut, Line
from apps.credit.states import BreachKind, Level, Measure
from apps.events import operations as events

from . import breaches

# Share of notional by pair; "" for every other. What a pair moves in the days until it settles, at one and at two "bad" days in a hundred.
HAIRCUTS = (("", "0.10", "0.25"), ("EUR-USD", "0.02", "0.05"))


@dataclass(frozen=True, slots=True)
class Limits:
    """What two people grant; amounts in USD."""

    amount: Decimal
    valid_from: datetime
    valid_until: datetime
    excess: Decimal = money.ZERO
    excess_until: datetime | None = None
    excess_reason: str = ""


@dataclass(frozen=True, slots=True)
class Hands:
    """Who asked and who approved, in which approval; none at onboarding."""

    approval_id: UUID | None = None
    made_by: UUID | None = None
    approved_by: UUID | None = None


def line_id_of(level: str, subject_id: UUID, measure: str) -> UUID:
    """The id a line has, or would have."""
    return uuid5(subject_id, f"{level}/{measure}")


@step
def set_line(*, level: Level, subject_id: UUID, measure: Measure, limits: Limits, now: datetime, hands: Hands = Hands()) -> Line:
    """Grant or change a line; cutting it below its use is a passive breach, not an error."""
    line = queries.lock_line(level, subject_id, measure)
    number = 1 if line is None else line.grant_number + 1
    line_id = line_id_of(level, subject_id, measure) if line is None else line.id
    given = asdict(limits)
    db.insert(Grant(id=ids.uuid7(), line_id=line_id, number=number, granted_at=now, **given, **asdict(hands)))
    if line is None:
        line = Line(id=line_id, level=level, measure=measure, subject_id=subject_id, grant_number=number, **given)
        db.insert(line)
    else:
        line.grant_number = number
        for name, value in given.items():
            setattr(line, name, value)
        line.save(update_fields=["grant_number", *given])
    events.record(
        "line.set",
        subject_type="line",
        subject_id=line.id,
        house={
            "level": str(level),
            "measure": str(measure),
            "subject": str(subject_id),
            "amount": money.text(limits.amount),
            "excess": money.text(limits.excess),
            "number": number,
        },
    )
    breaches.review(line_id=line.id, cause=BreachKind.LINE_CUT, now=now)
    return line


@step
def set_haircut(*, pair_code: str, normal: Decimal, stressed: Decimal, hands: Hands, now: datetime) -> Haircut:
    """The haircut of a pair from now on; reservations keep theirs."""
    last = queries.find_haircut(pair_code)
    made = Haircut(
        id=ids.uuid7(),
        pair_code=pair_code,
        number=1 + (last.number if last else 0),
        normal=normal,
        stressed=stressed,
        set_at=now,
        **asdict(hands),
    )
    db.insert(made)
    events.record(
        "haircut.set",
        subject_type="haircut",
        subject_id=made.id,
        house={"pair": pair_code, "normal": money.text(normal), "stressed": money.text(stressed)},
    )
    return made


def seed_reference() -> None:
    """The haircuts that every installation starts with; existing ones stay as they are."""
    for pair, normal, stressed in HAIRCUTS:
        Haircut.objects.get_or_create(
            pair_code=pair, number=1, defaults={"normal": Decimal(normal), "stressed": Decimal(stressed), "set_at": wall_now()}
        )
