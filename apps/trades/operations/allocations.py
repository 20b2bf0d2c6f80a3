"""Shares of a block: proposed, accepted or rejected at once, reversed while nothing has settled."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.core import db, ids, money
from apps.core.errors import AppError
from apps.core.unit import step
from apps.events import operations as events
from apps.trades import queries
from apps.trades.errors import AlreadyAllocated
from apps.trades.models import Allocation, Trade
from apps.trades.states import ALLOCATION, AllocationStatus


@step
def propose_allocations(*, trade: Trade, quantities: Sequence[tuple[UUID, Decimal]], by: UUID | None, now: datetime) -> list[Allocation]:
    """
    :raises AlreadyAllocated: an account has a share of this block
    """
    made = [
        Allocation(id=ids.uuid7(), trade=trade, account_id=account_id, quantity=quantity, proposed_by=by, proposed_at=now)
        for account_id, quantity in quantities
    ]
    with db.refuse_on("allocation_once", AlreadyAllocated()):
        db.insert(*made)
    return made


@step
def decide_allocation(*, allocation: Allocation, trade: Trade, refusal: AppError | None, now: datetime) -> Allocation:
    """PROPOSED → ACCEPTED, or REJECTED with the code and words of what refused it."""
    ALLOCATION.move(allocation, AllocationStatus.ACCEPTED if refusal is None else AllocationStatus.REJECTED)
    allocation.decided_at = now
    if refusal is not None:
        allocation.refusal, allocation.detail = refusal.code[:40], refusal.detail[:200]
    allocation.save(update_fields=["status", "decided_at", "refusal", "detail"])
    _tell(f"allocation.{allocation.status.lower()}", allocation, trade)
    return allocation


@step
def reverse_allocation(*, allocation: Allocation, trade: Trade, by: UUID | None, now: datetime) -> Allocation:
    """ACCEPTED → REVERSED.

    :raises IllegalMove: it is not accepted
    """
    ALLOCATION.move(allocation, AllocationStatus.REVERSED)
    allocation.reversed_at, allocation.reversed_by = now, by
    allocation.save(update_fields=["status", "reversed_at", "reversed_by"])
    _tell("allocation.reversed", allocation, trade)
    return allocation


def _tell(kind: str, one: Allocation, trade: Trade) -> None:
    events.record(
        kind,
        subject_type="trade",
        subject_id=trade.id,
        client_id=trade.counterparty_id,
        account_id=trade.account_id,
        public=queries.describe_allocation(one),
        house={"account": str(one.account_id), "quantity": money.text(one.quantity), "refusal": one.refusal},
    )
