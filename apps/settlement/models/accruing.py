"""Commissions of introducers: what was agreed, in versions, and what each deal has earned them."""

from django.db import models
from django.db.models import F, Q

from apps.clients.models import Account, Counterparty
from apps.core.db import AmountField, Row
from apps.instruments.models import Asset
from apps.trades.models import Trade

from ..states import CommissionBasis
from .adjusting import Adjustment


class CommissionRate(Row):
    """What an introducer gets of one client's deals, from a moment on: asked by one, granted by another. The last version counts; a rate of
    zero ends it.
    """

    append_only = True

    introducer = models.ForeignKey(Counterparty, on_delete=models.PROTECT, related_name="+")
    client = models.ForeignKey(Counterparty, on_delete=models.PROTECT, related_name="+")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")  # the introducer's, which is paid
    version = models.IntegerField()
    basis = models.CharField(max_length=12, choices=[(b, b) for b in CommissionBasis])
    rate = AmountField()  # basis points of the quote amount, or percent of the sales margin
    effective_from = models.DateTimeField()
    reason = models.CharField(max_length=200)  # where it was agreed
    made_by = models.UUIDField()
    checked_by = models.UUIDField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["introducer", "client", "version"], name="commissionrate_version"),
            models.CheckConstraint(condition=~Q(made_by=F("checked_by")), name="commissionrate_four_eyes"),
            models.CheckConstraint(condition=~Q(introducer=F("client")), name="commissionrate_of_two"),
            models.CheckConstraint(condition=Q(rate__gte=0, rate__lte=100) & ~Q(reason=""), name="commissionrate_whole"),
        ]


class Accrual(Row):
    """What one version of a deal adds to an introducer's commission, below zero where it takes back; its posting has its id.

    `due` is what the deal has earned in all by this version; the amounts of a deal add up to the last one.
    """

    rate = models.ForeignKey(CommissionRate, on_delete=models.PROTECT, related_name="accruals")
    trade = models.ForeignKey(Trade, on_delete=models.PROTECT, related_name="+")
    trade_version = models.SmallIntegerField()
    introducer = models.ForeignKey(Counterparty, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    due = AmountField()
    amount = AmountField()
    business_date = models.DateField()
    accrued_at = models.DateTimeField()
    adjustment = models.ForeignKey(Adjustment, null=True, on_delete=models.PROTECT, related_name="accruals")  # what pays it

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["trade", "trade_version", "introducer"], name="accrual_once"),
            models.CheckConstraint(condition=Q(due__gte=0), name="accrual_due"),
        ]
        indexes = [models.Index(fields=["introducer", "-accrued_at"], name="accrual_by_introducer")]
