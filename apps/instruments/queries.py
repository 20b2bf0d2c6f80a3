"""Pairs, assets, rails, our entities and books."""

from uuid import UUID

from apps.core.errors import NotFound

from .models import Asset, Book, BookingEntity, Pair, Rail


def list_pairs() -> list[Pair]:
    return list(Pair.objects.filter(active=True).select_related("base", "quote").order_by("code"))


def get_pair(code: str) -> Pair:
    found = Pair.objects.filter(code=code, active=True).select_related("base", "quote").first()
    if found is None:
        raise NotFound(f"no instrument {code}")
    return found


def list_assets() -> list[Asset]:
    return list(Asset.objects.order_by("code"))


def list_rails() -> list[Rail]:
    return list(Rail.objects.order_by("code"))


def get_entity(code: str) -> BookingEntity:
    return BookingEntity.objects.get(code=code)


def get_asset(code: str) -> Asset:
    """By its code, which is known."""
    return Asset.objects.get(code=code)


def get_entity_by_id(entity_id: UUID) -> BookingEntity:
    return BookingEntity.objects.get(id=entity_id)


def list_entities() -> list[BookingEntity]:
    return list(BookingEntity.objects.order_by("code"))


def get_book(code: str) -> Book:
    return Book.objects.select_related("entity").get(code=code)


def find_book(code: str) -> Book | None:
    return Book.objects.select_related("entity").filter(code=code).first()


def get_book_by_id(book_id: UUID) -> Book:
    return Book.objects.select_related("entity").get(id=book_id)


def list_books(entity_id: UUID) -> list[Book]:
    return list(Book.objects.filter(entity_id=entity_id).order_by("code"))


def business_date_of(moment: str, entity: str = "e") -> str:
    """SQL: the business date of a moment, its date in the entity's zone, one later from the roll on, as `rules.business_date` says it.

    :param moment: a column or expression
    :param entity: under which name the statement has instruments_bookingentity
    """
    return f"(({moment} AT TIME ZONE {entity}.zone) + (time '24:00' - {entity}.roll))::date"
