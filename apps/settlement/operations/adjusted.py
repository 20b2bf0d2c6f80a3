"""An adjustment's status: it follows its obligation, and each step is told."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from apps.clients import queries as clients
from apps.core import money
from apps.core.unit import step
from apps.events import operations as events
from apps.settlement.models import Adjustment, Obligation
from apps.settlement.queries import adjustments as queries
from apps.settlement.states import ADJUSTMENT, AdjustmentStatus, ObligationStatus


@step
def follow(*, members: Iterable[Obligation], now: datetime) -> None:
    """BOOKED ⇄ SETTLED, as their obligations stand now; obligations of deals are passed over."""
    stands = {one.adjustment_id: one.status for one in members if one.adjustment_id is not None}
    if not stands:
        return
    for a in queries.lock(stands):
        settled = stands[a.id] == ObligationStatus.SETTLED
        if settled and a.status == AdjustmentStatus.BOOKED:
            a.settled_at = now
            move(a, AdjustmentStatus.SETTLED, "settled_at")
            tell(a, "adjustment.settled")
        elif not settled and a.status == AdjustmentStatus.SETTLED:
            a.settled_at = None
            move(a, AdjustmentStatus.BOOKED, "settled_at")


def move(a: Adjustment, status: AdjustmentStatus, *fields: str) -> None:
    ADJUSTMENT.move(a, status)
    a.save(update_fields=["status", *fields])


def tell(a: Adjustment, kind: str, *, public: bool = True) -> None:
    """To the client what is booked; what is only asked for to the house alone."""
    account = clients.get_owned(a.account_id)
    told: dict[str, Any] = {}
    if public and "CLIENT" in account.owner.roles:
        told = {"client_id": account.owner_id, "account_id": a.account_id, "public": queries.describe(a)}
    house = {"account": account.code, "kind": a.kind, "asset": a.asset_id, "amount": money.text(a.amount)}
    events.record(kind, subject_type="adjustment", subject_id=a.id, house=house, **told)
