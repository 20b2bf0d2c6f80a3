"""Our bank accounts and wallets, and our own money on them."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.core import ids, money
from apps.core.unit import step
from apps.events import operations as events
from apps.instruments import rules as calendar
from apps.instruments.models import Book, BookingEntity
from apps.ledger import operations as ledger
from apps.settlement.models import Nostro
from apps.settlement.rules import postings
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


@step
def fund_nostro(*, nostro: Nostro, amount: Decimal, reference: str, now: datetime) -> None:
    """Our own capital paid in: debit NOSTRO, credit CAPITAL. The same reference funds once."""
    ledger.post(
        key=f"funding:{nostro.id}:{reference}",
        kind="FUNDING",
        source_type="nostro",
        source_id=nostro.id,
        lines=postings.funding(till_of(nostro), amount),
        effective_at=now,
        business_date=business_date(nostro.entity_id, now),
        narrative=f"capital {reference}",
    )
    events.record(
        "nostro.funded", subject_type="nostro", subject_id=nostro.id, house={"asset": nostro.asset_id, "amount": money.text(amount)}
    )


def till_of(nostro: Nostro) -> Till:
    return Till(nostro.entity_id, nostro.id, nostro.asset_id, nostro.designation)


def business_date(entity_id: UUID, now: datetime) -> date:
    """The open business date of a booking entity."""
    entity = BookingEntity.objects.only("roll", "zone").get(id=entity_id)
    return calendar.business_date(now, calendar.Roll(entity.roll, entity.zone))


def book_of(entity_id: UUID) -> UUID:
    """The book that carries what no deal is behind (charges, what is written off): the entity's first by code."""
    book = Book.objects.filter(entity_id=entity_id).order_by("code").values_list("id", flat=True).first()
    assert book is not None, "a booking entity has a book"
    return book
