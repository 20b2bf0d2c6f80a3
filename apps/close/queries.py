"""Business days, their proofs, months, and breaks."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from apps.core import db, ids, money
from apps.core.errors import NotFound

from . import rules
from .errors import NoSuchDay
from .models import Break, BusinessDay, Closing, Month, Opening, Proof, Shortfall, VenueBalance
from .rules import Known
from .states import BreakProof, BreakStatus, ClosingStatus, DayStatus, MonthStatus, ShortfallStatus


def find_day(entity_id: UUID, on: date) -> BusinessDay | None:
    return BusinessDay.objects.select_related("entity").filter(entity_id=entity_id, date=on).first()


def lock_day(entity_id: UUID, on: date) -> BusinessDay:
    """
    :raises NoSuchDay: it was never opened
    """
    found = _days_locked().filter(entity_id=entity_id, date=on).first()
    if found is None:
        raise NoSuchDay(on.isoformat())
    return found


def lock_day_by_id(day_id: UUID) -> BusinessDay:
    return _days_locked().get(id=day_id)


def lock_open_from(entity_id: UUID, on: date) -> BusinessDay | None:
    """The first day from this date on that was opened and is not closed."""
    return _days_locked().filter(entity_id=entity_id, date__gte=on).exclude(status=DayStatus.CLOSED).order_by("date").first()


def _days_locked() -> "QuerySet[BusinessDay]":
    return BusinessDay.objects.select_for_update(no_key=True, of=("self",)).select_related("entity")


def list_days(entity_id: UUID, most: int = 40) -> list[BusinessDay]:
    """The last days that were opened, the newest first."""
    return list(BusinessDay.objects.filter(entity_id=entity_id).order_by("-date")[:most])


def find_first_day(entity_id: UUID) -> date | None:
    """The first that was ever opened."""
    return BusinessDay.objects.filter(entity_id=entity_id).order_by("date").values_list("date", flat=True).first()


def find_open_before(entity_id: UUID, on: date) -> date | None:
    """The first earlier day that was opened and is not closed."""
    rows = BusinessDay.objects.filter(entity_id=entity_id, date__lt=on).exclude(status=DayStatus.CLOSED)
    return rows.order_by("date").values_list("date", flat=True).first()


def find_start(entity_id: UUID, on: date) -> rules.Start | None:
    """From where the proofs of a date are read: the last close of an earlier one that stands."""
    rows = Closing.objects.filter(day__entity_id=entity_id, day__date__lt=on, status=ClosingStatus.STANDING)
    found = rows.order_by("-day__date").values_list("id", "day__date", "made_at").first()
    return None if found is None else rules.Start(*found)


def list_proofs(day_id: UUID) -> list[Proof]:
    """The last proof of each kind, in the order in which they are taken."""
    return list(Proof.objects.filter(day_id=day_id).order_by("kind", "-id").distinct("kind"))


def find_month(entity_id: UUID, on: date) -> Month | None:
    return Month.objects.filter(entity_id=entity_id, first=rules.first_of(on)).first()


def is_locked(entity_id: UUID, on: date) -> bool:
    month = find_month(entity_id, on)
    return month is not None and month.status == MonthStatus.LOCKED


def lock_month(entity_id: UUID, first: date) -> Month:
    """The month's row, locked; born OPEN where nobody has touched it yet."""
    db.run(
        "INSERT INTO close_month (id, entity_id, first, status, number) VALUES (%s, %s, %s, 'OPEN', 0) ON CONFLICT DO NOTHING",
        (ids.uuid7(), entity_id, first),
    )
    return Month.objects.select_for_update(no_key=True, of=("self",)).get(entity_id=entity_id, first=first)


def list_months(entity_id: UUID) -> list[Month]:
    """The months that were ever locked, the newest first, with their moves."""
    return list(Month.objects.filter(entity_id=entity_id).prefetch_related("moves").order_by("-first"))


def list_unclosed(entity_id: UUID, first: date) -> list[date]:
    """Days of a month that were opened and are not closed."""
    rows = BusinessDay.objects.filter(entity_id=entity_id, date__gte=first, date__lt=rules.next_month(first)).exclude(
        status=DayStatus.CLOSED
    )
    return list(rows.order_by("date").values_list("date", flat=True))


def lock_breaks(entity_id: UUID) -> list[Break]:
    """Every open break of an entity, in the order of ids.

    Runs over different days come one after the other, so that each sees what the other has found.
    """
    db.lock_name(f"breaks:{entity_id}")
    rows = Break.objects.select_for_update(no_key=True, of=("self",)).filter(entity_id=entity_id, status=BreakStatus.OPEN)
    return list(rows.order_by("id"))


def get_break(break_id: UUID) -> Break:
    """
    :raises NotFound: there is none
    """
    row = Break.objects.filter(id=break_id).first()
    if row is None:
        raise NotFound("no such break")
    return row


def lock_break(break_id: UUID) -> Break:
    """
    :raises NotFound: there is none
    """
    row = Break.objects.select_for_update(no_key=True, of=("self",)).filter(id=break_id).first()
    if row is None:
        raise NotFound("no such break")
    return row


def list_breaks(entity_id: UUID, *, ended: bool = False) -> "QuerySet[Break]":
    """The open ones, the oldest first; or those that ended, the last first. With what was said about them."""
    rows = Break.objects.filter(entity_id=entity_id).prefetch_related("notes")
    if ended:
        return rows.exclude(status=BreakStatus.OPEN).order_by("-ended_at", "-id")
    return rows.filter(status=BreakStatus.OPEN).order_by("since", "id")


def known_as(row: Break) -> Known:
    """A break as the proof looks at it."""
    rest = Decimal(row.detail["remainder"]) if row.proof == BreakProof.BALANCE and "remainder" in row.detail else money.ZERO
    return Known(BreakProof(row.proof), row.kind, row.key, row.words, row.amount, row.owner_name, row.explanation, rest)


def list_venue_balances(entity_id: UUID, counterparty_id: UUID, on: date) -> dict[str, Decimal]:
    """What an LP or venue last said we hold there at the end of a business date, by asset."""
    rows = VenueBalance.objects.filter(entity_id=entity_id, counterparty_id=counterparty_id, date=on)
    return {row.asset_code: row.amount for row in rows.order_by("imported_at", "id")}


def list_openings(entity_id: UUID) -> "QuerySet[Opening]":
    """Balances that were opened, the last first."""
    return Opening.objects.filter(entity_id=entity_id).order_by("-posted_at", "-id")


def lock_open_shortfall(entity_id: UUID, asset: str) -> Shortfall | None:
    return _shortfalls_locked().filter(entity_id=entity_id, asset_code=asset, status=ShortfallStatus.OPEN).first()


def lock_shortfall(shortfall_id: UUID) -> Shortfall:
    """
    :raises NotFound: there is none
    """
    found = _shortfalls_locked().filter(id=shortfall_id).first()
    if found is None:
        raise NotFound("no such shortfall")
    return found


def list_shortfalls(most: int = 20) -> list[Shortfall]:
    """The open ones first, then the last that were covered."""
    return list(Shortfall.objects.select_related("entity").order_by("-status", "-found_at", "-id")[:most])


def _shortfalls_locked() -> "QuerySet[Shortfall]":
    return Shortfall.objects.select_for_update(no_key=True, of=("self",)).select_related("entity")
