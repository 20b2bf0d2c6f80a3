"""Deals of prefunded accounts that their balance does not hold, and what each account is short of."""

from collections.abc import Collection
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet, Sum

from apps.clients.models import SettlementMode
from apps.core import money
from apps.ledger import queries as ledger
from apps.settlement.models import Obligation
from apps.settlement.states import ObligationStatus

from .due import BATCH


def _owed() -> "QuerySet[Obligation]":
    return Obligation.objects.filter(trade__kind="CLIENT", trade__terms__mode=SettlementMode.PREFUNDED, status=ObligationStatus.OPEN)


def list_owed_deals(but: Collection[tuple[UUID, UUID]] = ()) -> list[tuple[UUID, UUID]]:
    """Deal and account, the oldest first."""
    rows = _owed().filter(direction="RECEIVE").exclude(trade_id__in=[trade_id for trade_id, _ in but])
    return list(rows.order_by("booked_at", "trade_id").values_list("trade_id", "account_id")[:BATCH])


def list_short(account_id: UUID) -> dict[str, Decimal]:
    """What an account has to pay in, by asset: owed deals and an overdraft, past what is available. No asset makes up for another."""
    free = {one.asset: one.available for one in ledger.list_client_balances([account_id]).get(account_id, [])}
    rows = _owed().filter(account_id=account_id, direction="RECEIVE").values_list("asset_id")
    needed: dict[str, Decimal] = dict(rows.annotate(total=Sum("amount")))
    short = {asset: needed.get(asset, money.ZERO) - free.get(asset, money.ZERO) for asset in {*needed, *free}}
    return {asset: amount for asset, amount in short.items() if amount > 0}
