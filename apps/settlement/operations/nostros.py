"""Our bank accounts and wallets."""

from datetime import date, datetime
from uuid import UUID

from apps.core import ids
from apps.core.unit import step
from apps.instruments.models import Book, BookingEntity
from apps.settlement.models import Nostro
from apps.settlement.rules.postings import Till


@step
def create_nostro(*, entity_id: UUID, rail_code: str, asset_code: str, name: str, address: str, designation: str = "HOUSE") -> Nostro:
    """A bank account or wallet of ours; an existing one of the same address is returned."""
    nostro, _ = Nostro.objects.get_or_create(
        rail_id=rail_code,
        address=address,
        defaults={"id": ids.uuid7(), "entity_id": entity_id, "asset_id": asset_code, "name": name, "designation": designation},
    )
    return nostro


def till_of(nostro: Nostro) -> Till:
    return Till(nostro.entity_id, nostro.id, nostro.asset_id, nostro.designation)


def business_date(entity_id: UUID, now: datetime) -> date:
    """The open business date of a booking entity."""
    return BookingEntity.objects.only("roll", "zone").get(id=entity_id).business_date(now)


def book_of(entity_id: UUID) -> UUID:
    """The book that carries what no deal is behind (charges, what is written off): the entity's first by code."""
    book = Book.objects.filter(entity_id=entity_id).order_by("code").values_list("id", flat=True).first()
    assert book is not None, "a booking entity has a book"
    return book
