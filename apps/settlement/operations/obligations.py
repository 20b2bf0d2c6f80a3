"""What both sides owe from a deal."""

from datetime import date, datetime
from uuid import UUID

from apps.core import db, ids, money
from apps.core.unit import step
from apps.settlement.models import Obligation
from apps.settlement.states import ObligationStatus
from apps.trades.models import Trade, TradeVersion


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
def lock_open(*, account_id: UUID, entity_id: UUID, value_date: date, booked_until: datetime) -> list[Obligation]:
    """The OPEN obligations of a value date booked by an instant, locked in id order."""
    rows = Obligation.objects.select_for_update(no_key=True, of=("self",)).filter(
        account_id=account_id, entity_id=entity_id, value_date=value_date, status=ObligationStatus.OPEN, booked_at__lte=booked_until
    )
    return list(rows.order_by("id"))
