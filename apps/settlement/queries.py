"""Who owes what, through who may see it."""

from collections.abc import Sequence
from uuid import UUID

from .models import Nostro, Obligation
from .states import ObligationStatus


def trade_status(trade_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The settlement status of deals, derived from their obligations."""
    by: dict[UUID, set[str]] = {}
    for trade_id, status in Obligation.objects.filter(trade_id__in=trade_ids).values_list("trade_id", "status"):
        by.setdefault(trade_id, set()).add(status)
    settled = {ObligationStatus.SETTLED, ObligationStatus.CANCELLED}
    return {
        trade_id: "SETTLED" if found <= settled else "PART_SETTLED" if found & {"SETTLED", "PART_SETTLED"} else "OPEN"
        for trade_id, found in by.items()
    }


def find_nostro(*, rail_code: str, address: str) -> Nostro | None:
    """The bank account or wallet of ours with this address on this rail."""
    return Nostro.objects.filter(rail_id=rail_code, address=address).first()
