"""What we and an OTC liquidity provider owe each other from a hedge: netted, instructed and paid like a client's deal."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.core import db, ids, money
from apps.core.unit import step
from apps.settlement.models import Obligation
from apps.settlement.states import ObligationStatus
from apps.trades.models import Trade, TradeVersion

from . import obligations
from .obligations import Restated, Slice


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
def restate_lp(*, trade: Trade, version: TradeVersion, account_id: UUID, delta_date: date, now: datetime) -> Restated:
    """What is owed from a hedge comes to what its version says, as from a client's deal (:func:`obligations.restate`).

    :param account_id: the LP's
    :param delta_date: the value date of a difference to what is netted, on its way or settled
    """
    pays = version.receives - _fee_in(version, version.receives_asset)  # the LP, to us
    receives = version.pays + _fee_in(version, version.pays_asset)
    return obligations.restate(
        trade=trade,
        version=version,
        slices=[] if version.action == "CANCEL" else [Slice(account_id, None, pays, receives)],
        settles_now=False,
        delta_date=delta_date,
        now=now,
        sides=(version.receives_asset, version.pays_asset),
    )


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
