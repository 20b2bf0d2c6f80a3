"""Reference rows that every installation starts with; all else is entered in the desk."""

from datetime import time
from decimal import Decimal

from .models import Asset, Book, BookingEntity, Pair, Rail

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
    for code, base, quote, tick, step, least, most, tenor in PAIRS:
        Pair.objects.get_or_create(
            code=code,
            defaults={
                "base_id": base,
                "quote_id": quote,
                "tick": Decimal(tick),
                "step": Decimal(step),
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
