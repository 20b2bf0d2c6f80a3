"""What our own side needs before it can deal: bank accounts and wallets, lists to screen against."""

from datetime import datetime
from uuid import UUID

from apps.core.unit import use_case
from apps.events import operations as events
from apps.settlement import operations as settlement
from apps.settlement import queries
from apps.settlement.models import Nostro


@use_case
def open_nostro(*, entity_id: UUID, rail: str, asset: str, name: str, address: str, designation: str, now: datetime) -> Nostro:
    """A bank account or wallet of ours, HOUSE or CLIENT money; an existing one of the same address is returned."""
    there = queries.find_place(rail_code=rail, address=address)
    if there is not None:
        return there
    nostro = settlement.create_nostro(
        entity_id=entity_id, rail_code=rail, asset_code=asset, name=name, address=address, designation=designation
    )
    events.record("nostro.opened", subject_type="nostro", subject_id=nostro.id, house={"asset": asset, "designation": designation})
    return nostro
