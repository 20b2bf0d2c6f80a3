"""What both sides owe from a deal."""

from datetime import datetime
from uuid import UUID

from apps.core import db, ids, money
from apps.core.unit import step
from apps.trades.models import Trade, TradeVersion

from .models import Nostro, Obligation
from .states import ObligationStatus


@step
def owe(*, trade: Trade, version: TradeVersion, account_id: UUID, settles_now: bool, now: datetime) -> list[Obligation]:
    """The two obligations of a client deal: what it pays we receive, what it receives we pay.

    :param settles_now: prefunded: settled as booked
    """
    made = [
        Obligation(
            id=ids.uuid7(),
            trade=trade,
            version=version,
            account_id=account_id,
            entity_id=trade.entity_id,
            asset_id=asset,
            direction=direction,
            amount=amount,
            settled_amount=amount if settles_now else money.ZERO,
            value_date=version.value_date,
            status=ObligationStatus.SETTLED if settles_now else ObligationStatus.OPEN,
            booked_at=now,
            settled_at=now if settles_now else None,
        )
        for direction, asset, amount in (
            ("RECEIVE", version.pays_asset, version.pays),
            ("PAY", version.receives_asset, version.receives),
        )
    ]
    db.insert(*made)
    return made


@step
def create_nostro(*, entity_id: UUID, rail_code: str, asset_code: str, name: str, address: str, designation: str = "HOUSE") -> Nostro:
    """A bank account or wallet of ours; an existing one of the same address is returned."""
    nostro, _ = Nostro.objects.get_or_create(
        rail_id=rail_code,
        address=address,
        defaults={"id": ids.uuid7(), "entity_id": entity_id, "asset_id": asset_code, "name": name, "designation": designation},
    )
    return nostro
