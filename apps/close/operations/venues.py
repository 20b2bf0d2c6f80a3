"""What LPs and venues say we hold there."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.core import db, ids
from apps.core.unit import step
from apps.events import operations as events

from .. import queries
from ..models import VenueBalance


@step
def keep_venue_balances(
    *, entity_id: UUID, counterparty_id: UUID, on: date, balances: Mapping[str, Decimal], imported_by: UUID | None, now: datetime
) -> int:
    """Balances at the end of a business date by asset; the same again keeps nothing. How many were new or other than before."""
    known = queries.list_venue_balances(entity_id, counterparty_id, on)
    rows = [
        VenueBalance(
            id=ids.uuid7(),
            entity_id=entity_id,
            counterparty_id=counterparty_id,
            date=on,
            asset_code=asset,
            amount=amount,
            imported_by=imported_by,
            imported_at=now,
        )
        for asset, amount in balances.items()
        if known.get(asset) != amount
    ]
    if rows:
        db.insert(*rows)
        house = {"date": on.isoformat(), "balances": len(rows)}
        events.record("venue.balances_imported", subject_type="counterparty", subject_id=counterparty_id, house=house)
    return len(rows)
