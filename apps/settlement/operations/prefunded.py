"""A prefunded deal that was agreed past the balance: owed both ways, and settled out of the balance as soon as that holds it."""

from datetime import datetime
from uuid import UUID

from apps.core.unit import step
from apps.ledger import operations as ledger
from apps.ledger.errors import InsufficientBalance
from apps.ledger.rules import Ref
from apps.ledger.states import Kind
from apps.settlement.models import Obligation
from apps.settlement.rules import postings
from apps.settlement.states import OBLIGATION, ObligationStatus

from . import settling
from .nostros import business_date


@step
def settle_owed(*, trade_id: UUID, now: datetime) -> bool:
    """OPEN → SETTLED for both sides of such a deal, inside the balance. The caller holds the account's money rows.

    False where the balance does not hold it, or it is not open any more.
    """
    rows = Obligation.objects.select_for_update(no_key=True, of=("self",)).filter(trade_id=trade_id, status=ObligationStatus.OPEN)
    owed = list(rows.order_by("id"))
    if not owed:
        return False
    lines = []
    for one in owed:
        balance = Ref(one.entity_id, Kind.CLIENT_BALANCE, one.asset_id, owner_id=one.account_id)
        if one.direction == "RECEIVE":
            try:
                ledger.hold(ref=balance, amount=one.amount, source_type="trade", source_id=trade_id, now=now)
            except InsufficientBalance:
                return False
        lines += postings.owed_from_balance(
            entity_id=one.entity_id, account_id=one.account_id, asset=one.asset_id, amount=one.amount, pays=one.direction == "PAY"
        )
        OBLIGATION.move(one, ObligationStatus.SETTLED)
        one.settled_amount, one.settled_at = one.amount, now
    Obligation.objects.bulk_update(owed, ["status", "settled_amount", "settled_at"])
    ledger.post_holds(source_id=trade_id, now=now)
    ledger.post(
        key=f"trade:{trade_id}:owed:{owed[0].id}",
        kind="OWED_SETTLED",
        source_type="trade",
        source_id=trade_id,
        lines=lines,
        effective_at=now,
        business_date=business_date(owed[0].entity_id, now),
        narrative="paid out of the balance",
    )
    settling.close_deals(trade_ids=[trade_id], now=now)
    return True
