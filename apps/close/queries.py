"""Business days and their proofs."""

from datetime import date
from uuid import UUID

from .errors import NoSuchDay
from .models import BusinessDay, Proof


def find_day(entity_id: UUID, on: date) -> BusinessDay | None:
    return BusinessDay.objects.select_related("entity").filter(entity_id=entity_id, date=on).first()


def lock_day(entity_id: UUID, on: date) -> BusinessDay:
    """
    :raises NoSuchDay: it was never opened
    """
    found = (
        BusinessDay.objects.select_for_update(no_key=True, of=("self",))
        .select_related("entity")
        .filter(entity_id=entity_id, date=on)
        .first()
    )
    if found is None:
        raise NoSuchDay(on.isoformat())
    return found


def list_proofs(day_id: UUID) -> list[Proof]:
    """The last proof of each kind, in the order in which they are taken."""
    return list(Proof.objects.filter(day_id=day_id).order_by("kind", "-id").distinct("kind"))
