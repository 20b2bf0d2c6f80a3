"""Adjustments, through who may see them."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.core import ids, money
from apps.core.actor import Actor
from apps.core.errors import NotFound
from apps.rfqs.queries import stamp
from apps.settlement.models import Adjustment, Instruction
from apps.settlement.states import AWAITED_INSTRUCTION, AdjustmentStatus

TOLD = [AdjustmentStatus.BOOKED, AdjustmentStatus.SETTLED, AdjustmentStatus.REVERSED]  # what is only asked for is ours
_SIDE = {"PAY": "receive", "RECEIVE": "pay"}


def visible_to(actor: Actor) -> "QuerySet[Adjustment]":
    """A member sees what is booked on its key's accounts, staff see all; the newest first."""
    rows = Adjustment.objects.select_related("account", "account__owner", "asset").order_by("-requested_at", "-id")
    if actor.is_client:
        return rows.filter(account__owner_id=actor.client_id, account_id__in=actor.account_ids or (), status__in=TOLD)
    return rows if actor.kind in {"STAFF", "SYSTEM"} else rows.none()


def get(adjustment_id: UUID, *, actor: Actor) -> Adjustment:
    """:raises NotFound: there is none that this actor may see"""
    found = visible_to(actor).filter(id=adjustment_id).first()
    if found is None:
        raise NotFound("no such adjustment")
    return found


def lock(adjustment_ids: Iterable[UUID | None]) -> list[Adjustment]:
    rows = Adjustment.objects.select_for_update(no_key=True, of=("self",)).filter(id__in=[one for one in adjustment_ids if one])
    return list(rows.select_related("account", "account__owner").order_by("id"))


def find_expected(reference: str, *, account_id: UUID) -> Instruction | None:
    """A payment that an account still owes us, by our reference."""
    rows = Instruction.objects.filter(end_to_end_id=reference, account_id=account_id, direction="RECEIVE", status__in=AWAITED_INSTRUCTION)
    return rows.select_related("asset").first()


def describe(a: Adjustment) -> dict[str, Any]:
    """As REST and events tell it; `direction` is the client's."""
    return {
        "id": ids.encode("adj", a.id),
        "account_id": ids.encode("acc", a.account_id),
        "kind": str(a.kind),
        "direction": _SIDE[a.direction],
        "asset": a.asset_id,
        "amount": money.text(a.amount),
        "value_date": a.value_date.isoformat(),
        "status": str(a.status),
        "reason": a.reason,
        "trade_id": None if a.trade_id is None else ids.encode("trd", a.trade_id),
        "booked_at": None if a.booked_at is None else stamp(a.booked_at),
        "settled_at": None if a.settled_at is None else stamp(a.settled_at),
    }


def is_known(adjustment_id: UUID) -> bool:
    return Adjustment.objects.filter(id=adjustment_id).exists()
