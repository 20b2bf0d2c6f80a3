"""Reference rows that every installation starts with; all else is entered in the desk. Changes of calendars, which two people make."""

from datetime import date, datetime, time
from decimal import Decimal
from uuid import UUID

from apps.core import db, ids
from apps.core.unit import step
from apps.events import operations as events

from .models import Asset, Book, BookingEntity, CalendarChange, Pair, Rail

ASSETS = [
    ("USD", "US dollar", "FIAT", 2, "USD", "USD"),
    ("EUR", "Euro", "FIAT", 2, "EUR", "EUR"),
    ("GBP", "Pound sterling", "FIAT", 2, "GBP", "GBP"),
    ("JPY", "Yen", "FIAT", 0, "JPY", "JPY"),
    ("BTC", "Bitcoin", "CRYPTO", 8, "4H95J0R2X", ""),
    ("ETH", "Ether", "CRYPTO", 8, "D5RG2FHH0", ""),
]
RAILS = [
    ("fedwire-usd", "USD", "BANK", time(17, 0), "America/New_York", 0),
    ("target-eur", "EUR", "BANK", time(17, 0), "Europe/Berlin", 0),
    ("chaps-gbp", "GBP", "BANK", time(16, 0), "Europe/London", 0),
    ("bitcoin-btc", "BTC", "CHAIN", time(23, 0), "UTC", 3),
    ("ethereum-eth", "ETH", "CHAIN", time(23, 0), "UTC", 12),
]
PAIRS = [
    ("BTC-USD", "BTC", "USD", "0.01", "0.00000001", "0.001", "500", "T+1"),
    ("ETH-USD", "ETH", "USD", "0.01", "0.00000001", "0.01", "10000", "T+1"),
    ("BTC-EUR", "BTC", "EUR", "0.01", "0.00000001", "0.001", "500", "T+1"),
    ("EUR-USD", "EUR", "USD", "0.00001", "0.01", "100", "50000000", "T+2"),
]
BOOKS = ("main", "treasury")  # what clients deal with, and what holds the house's own inventory
ENTITY = ("flowdesk", "Flowdesk Markets Ltd", "FLOWDESKDEMO00000144")


def seed_reference() -> None:
    """Assets, rails, pairs, one booking entity and its books; existing rows stay as they are."""
    for code, name, kind, scale, identifier, calendar in ASSETS:
        Asset.objects.get_or_create(
            code=code, defaults={"name": name, "kind": kind, "scale": scale, "identifier": identifier, "calendar": calendar}
        )
    for code, asset, kind, cutoff, zone, confirmations in RAILS:
        Rail.objects.get_or_create(
            code=code, defaults={"asset_id": asset, "kind": kind, "cutoff": cutoff, "zone": zone, "confirmations": confirmations}
        )
    for code, base, quote, tick, lot, least, most, tenor in PAIRS:
        Pair.objects.get_or_create(
            code=code,
            defaults={
                "base_id": base,
                "quote_id": quote,
                "tick": Decimal(tick),
                "step": Decimal(lot),
                "min_quantity": Decimal(least),
                "max_quantity": Decimal(most),
                "tenor": tenor,
            },
        )
    code, name, lei = ENTITY
    entity, _ = BookingEntity.objects.get_or_create(
        code=code, defaults={"name": name, "lei": lei, "functional_currency_id": "USD", "roll": time(17, 0), "zone": "America/New_York"}
    )
    for code in BOOKS:
        Book.objects.get_or_create(code=code, defaults={"entity": entity})


@step
def change_calendar(
    *,
    day: date,
    currency: str | None,
    is_good: bool | None,
    rail: str | None,
    cutoff: time | None,
    reason: str,
    made_by: UUID,
    checked_by: UUID,
    approval_id: UUID,
    now: datetime,
) -> CalendarChange:
    """From its commit on every new value date, cut-off and gate reads it; its number is the calendars' revision.

    :param currency: whose banks are open (`is_good`), closed, or (None) as the library says; or else
    :param rail: whose cut-off is another one on that day, or (None) the usual one
    """
    db.run("SELECT pg_advisory_xact_lock(hashtextextended('instruments_calendarchange', 0))")
    (number,) = db.one("SELECT coalesce(max(number), 0) + 1 FROM instruments_calendarchange")
    made = CalendarChange(
        id=ids.uuid7(),
        number=number,
        day=day,
        currency_id=currency,
        is_good=is_good,
        rail_id=rail,
        cutoff=cutoff,
        reason=reason,
        made_by=made_by,
        checked_by=checked_by,
        approval_id=approval_id,
        made_at=now,
    )
    db.insert(made)
    events.record(
        "calendar.changed",
        subject_type="calendar",
        subject_id=made.id,
        house={
            "number": number,
            "day": day.isoformat(),
            "what": currency or rail,
            "is_good": is_good,
            "cutoff": None if cutoff is None else cutoff.isoformat(),
            "reason": reason,
        },
    )
    return made
