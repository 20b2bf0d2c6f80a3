"""Pairs, assets, rails, our entities and books."""

from collections.abc import Collection, Iterable
from datetime import date, time
from uuid import UUID

from apps.core.errors import NotFound

from . import rules
from .models import Asset, Book, BookingEntity, CalendarChange, Pair, Rail


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


def list_books_by_id(ids: Collection[UUID]) -> dict[UUID, Book]:
    """Each with its entity."""
    return Book.objects.select_related("entity").in_bulk(list(ids))


def list_books(entity_id: UUID) -> list[Book]:
    return list(Book.objects.filter(entity_id=entity_id).order_by("code"))


def get_calendars() -> rules.Calendars:
    """The good days of every currency as they stand, with the desk's own changes."""
    rows = CalendarChange.objects.order_by("number").values_list("number", "currency_id", "day", "is_good")
    return rules.calendars_of(tuple((number, currency or "", day, is_good) for number, currency, day, is_good in rows))


def get_cutoff(rail: Rail) -> rules.CutOff:
    """A rail's, with the days on which it is another one."""
    return rules.CutOff(rail.asset_id, rail.cutoff, rail.zone, _changed(CalendarChange.objects.filter(rail=rail)))


def _changed(changes: Iterable[CalendarChange]) -> tuple[tuple[date, time], ...]:
    last = {one.day: one.cutoff for one in sorted(changes, key=lambda one: one.number)}
    return tuple((day, at) for day, at in sorted(last.items()) if at is not None)


def list_calendar_changes() -> list[CalendarChange]:
    """Every one that was made, the newest first."""
    return list(CalendarChange.objects.order_by("-number"))


def find_calendar_change(what: str, day: date) -> CalendarChange | None:
    """The one that counts for a currency or rail on a day."""
    rows = CalendarChange.objects.filter(day=day).order_by("-number")
    return rows.filter(currency_id=what).first() or rows.filter(rail_id=what).first()


def business_date_of(moment: str, entity: str = "e") -> str:
    """SQL: the business date of a moment, its date in the entity's zone, one later from the roll on, as `rules.business_date` says it.

    :param moment: a column or expression
    :param entity: under which name the statement has instruments_bookingentity
    """
    return f"(({moment} AT TIME ZONE {entity}.zone) + (time '24:00' - {entity}.roll))::date"
