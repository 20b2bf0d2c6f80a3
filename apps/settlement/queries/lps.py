"""What is still open between us and OTC LPs."""

from decimal import Decimal
from uuid import UUID

from django.db.models import Case, F, Sum, When

from apps.settlement.models import Obligation
from apps.settlement.states import ObligationStatus
from apps.trades.states import TradeKind

OPEN = [ObligationStatus.OPEN, ObligationStatus.NETTED, ObligationStatus.INSTRUCTED, ObligationStatus.PART_SETTLED]


def list_owed_by_lp(lp_id: UUID) -> dict[UUID, dict[str, Decimal]]:
    """By hedge and asset, in units: what the LP still owes us above zero, what we owe it below."""
    left = F("amount") - F("settled_amount")
    rows = (
        Obligation.objects.filter(trade__kind=TradeKind.HEDGE, account__owner_id=lp_id, status__in=OPEN)
        .values("trade_id", "asset_id")
        .annotate(owed=Sum(Case(When(direction="RECEIVE", then=left), default=-left)))
    )
    out: dict[UUID, dict[str, Decimal]] = {}
    for row in rows:
        out.setdefault(row["trade_id"], {})[row["asset_id"]] = row["owed"]
    return out
