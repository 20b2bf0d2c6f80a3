"""Commissions: rates in force, what is to be accrued, what is accrued and not paid."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Q, QuerySet, Sum

from apps.core import db, money
from apps.settlement.models import Accrual, CommissionRate
from apps.settlement.states import AdjustmentStatus

# Versions of deals whose client's introducer has a rate, and which have accrued nothing yet: under the rate of the deal's first accrual,
# else the one in force when it was made.
_TO_ACCRUE = """
SELECT t.id, v.number, v.action, v.introducer_id, r.id, r.basis, r.rate, v.side, v.quantity, v.price, v.quote_quantity, v.trader_rate,
  p.quote_id, s.scale, t.entity_id, t.book_id,
  coalesce((SELECT sum(a.amount) FROM settlement_accrual a WHERE a.trade_id = t.id AND a.introducer_id = v.introducer_id), 0)
FROM trades_trade t JOIN trades_tradeversion v ON v.trade_id = t.id AND v.introducer_id IS NOT NULL
JOIN instruments_pair p ON p.code = t.pair_id JOIN instruments_asset s ON s.code = p.quote_id
JOIN LATERAL (
  SELECT r.id, r.basis, r.rate FROM settlement_commissionrate r
  WHERE r.introducer_id = v.introducer_id AND r.client_id = t.counterparty_id AND r.effective_from <= t.booked_at
  ORDER BY r.id IN (SELECT a.rate_id FROM settlement_accrual a WHERE a.trade_id = t.id AND a.introducer_id = v.introducer_id) DESC,
    r.version DESC LIMIT 1) r ON true
WHERE t.id = ANY (%s::uuid[]) AND t.kind = 'CLIENT' AND NOT EXISTS (
  SELECT 1 FROM settlement_accrual a
  WHERE a.trade_id = t.id AND a.introducer_id = v.introducer_id AND a.trade_version >= v.number)
ORDER BY t.id, v.number
"""
PAID = [AdjustmentStatus.BOOKED, AdjustmentStatus.SETTLED]
ASKED = [AdjustmentStatus.REQUESTED, AdjustmentStatus.APPROVED, *PAID]


@dataclass(frozen=True, slots=True)
class ToAccrue:
    """One version of a deal; `before` is what the deal has accrued so far, in units of `asset`, its quote."""

    trade_id: UUID
    number: int
    action: str
    introducer_id: UUID
    rate_id: UUID
    basis: str
    rate: Decimal
    side: str
    quantity: Decimal
    price: Decimal
    quote_quantity: Decimal
    trader_rate: Decimal | None
    asset: str
    scale: int
    entity_id: UUID
    book_id: UUID
    before: Decimal


def list_to_accrue(trade_ids: Iterable[UUID]) -> list[ToAccrue]:
    """Of each deal the versions after the last one that accrued, in order; `before` is as it is now, for the first of them."""
    return [ToAccrue(*row) for row in db.run(_TO_ACCRUE, (db.array(trade_ids),))]


def find_rate(introducer_id: UUID, client_id: UUID) -> CommissionRate | None:
    """The last version."""
    return CommissionRate.objects.filter(introducer_id=introducer_id, client_id=client_id).order_by("-version").first()


def list_rates() -> list[CommissionRate]:
    """The last version of each."""
    rows = CommissionRate.objects.select_related("introducer", "client", "account").order_by("introducer_id", "client_id", "-version")
    return sorted(rows.distinct("introducer_id", "client_id"), key=lambda one: (one.introducer.code, one.client.code))


def unpaid(account_id: UUID, entity_id: UUID, asset: str) -> "QuerySet[Accrual]":
    """What is accrued for an introducer's account and no payout was asked for, locked by the caller where it is paid."""
    free = Q(adjustment__isnull=True) | ~Q(adjustment__status__in=ASKED)
    return Accrual.objects.filter(free, rate__account_id=account_id, trade__entity_id=entity_id, asset_id=asset)


def sum_asked(adjustment_id: UUID) -> Decimal | None:
    """Σ of what an adjustment pays of accruals; None where it pays none."""
    found: Decimal | None = Accrual.objects.filter(adjustment_id=adjustment_id).aggregate(s=Sum("amount"))["s"]
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands with an introducer's account, in units of the asset: accrued, of that paid, of the rest asked for."""

    introducer: str
    account: str
    asset: str
    accrued: Decimal
    paid: Decimal
    asked: Decimal

    @property
    def open(self) -> Decimal:
        return self.accrued - self.paid - self.asked


def list_standing() -> list[Standing]:
    rows = Accrual.objects.values("introducer__code", "rate__account__code", "asset_id").annotate(
        accrued=Sum("amount"),
        paid=Sum("amount", filter=Q(adjustment__status__in=PAID)),
        asked=Sum("amount", filter=Q(adjustment__status__in=[AdjustmentStatus.REQUESTED, AdjustmentStatus.APPROVED])),
    )
    return [
        Standing(
            one["introducer__code"], one["rate__account__code"], one["asset_id"], one["accrued"], one["paid"] or money.ZERO,
            one["asked"] or money.ZERO,
        )
        for one in rows.order_by("introducer__code", "rate__account__code", "asset_id")
    ]  # fmt: skip


def list_accruals(account_code: str = "", since: datetime | None = None, most: int | None = None) -> list[Accrual]:
    """The last ones, of one introducer's account or of all."""
    rows = Accrual.objects.select_related("introducer", "rate", "rate__client", "rate__account", "trade", "adjustment").order_by(
        "-accrued_at", "-id"
    )
    if account_code:
        rows = rows.filter(rate__account__code=account_code)
    if since is not None:
        rows = rows.filter(accrued_at__gte=since)
    return list(rows[:most])
