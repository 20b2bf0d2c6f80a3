"""What we and an OTC liquidity provider owe each other from a hedge: netted, instructed and paid like a client's deal."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.core import db, ids, money
from apps.core.unit import step
from apps.settlement.errors import AlreadySettling
from apps.settlement.models import Obligation
from apps.settlement.states import OBLIGATION, ObligationStatus
from apps.trades.models import Trade, TradeVersion


@step
def owe_lp(*, trade: Trade, version: TradeVersion, account_id: UUID, now: datetime) -> list[Obligation]:
    """The two obligations of a hedge: what we pay, the LP's fee with it, and what we receive.

    :param account_id: the LP's
    """
    made = [
        _owed(trade, version, account_id, direction, asset, amount, now)
        for direction, asset, amount in (
            ("PAY", version.pays_asset, version.pays + _fee_in(version, version.pays_asset)),
            ("RECEIVE", version.receives_asset, version.receives - _fee_in(version, version.receives_asset)),
        )
    ]
    db.insert(*made)
    return made


@step
def let_go(*, trade_id: UUID) -> None:
    """OPEN → CANCELLED for all that is owed from a hedge that never was; nothing owed is fine.

    :raises AlreadySettling: some of it is in a net set, instructed or paid
    """
    owed = list(Obligation.objects.select_for_update(no_key=True, of=("self",)).filter(trade_id=trade_id).order_by("id"))
    if any(one.status != ObligationStatus.OPEN for one in owed):
        raise AlreadySettling("the hedge is in a net set or paid: abort the set first, or hedge back")
    for one in owed:
        OBLIGATION.move(one, ObligationStatus.CANCELLED)
        one.save(update_fields=["status"])


def _fee_in(version: TradeVersion, asset: str) -> Decimal:
    return version.fee if version.fee_asset == asset else money.ZERO


def _owed(trade: Trade, version: TradeVersion, account_id: UUID, direction: str, asset: str, amount: Decimal, now: datetime) -> Obligation:
    return Obligation(
        id=ids.uuid7(),
        trade=trade,
        version=version,
        account_id=account_id,
        entity_id=trade.entity_id,
        asset_id=asset,
        direction=direction,
        amount=amount,
        settled_amount=money.ZERO,
        value_date=version.value_date,
        status=ObligationStatus.OPEN,
        booked_at=now,
    )
