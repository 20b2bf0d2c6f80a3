"""What is owed and is no trade: rebates, compensation, interest, charges, commissions, write-offs, close-outs."""

from django.db import models
from django.db.models import F, Q

from apps.clients.models import Account
from apps.core.db import AmountField, Row
from apps.instruments.models import Asset, BookingEntity
from apps.trades.models import Trade

from ..states import AdjustmentKind, AdjustmentStatus


class Adjustment(Row):
    """Asked by one, checked by finance: then one obligation and one ledger transaction. It is undone by its reversal, never changed."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=13, choices=[(k, k) for k in AdjustmentKind])
    direction = models.CharField(max_length=7, choices=[("PAY", "we pay"), ("RECEIVE", "we receive")])
    amount = AmountField()
    value_date = models.DateField()
    status = models.CharField(max_length=9, choices=[(s, s) for s in AdjustmentStatus], default=AdjustmentStatus.REQUESTED)
    reason = models.CharField(max_length=200)  # the client is told
    evidence = models.CharField(max_length=200, blank=True)  # ours: where it was agreed, how it was worked out
    trade = models.ForeignKey(Trade, null=True, on_delete=models.PROTECT, related_name="+")  # what it is about
    pays = models.ForeignKey(
        "Instruction", null=True, on_delete=models.PROTECT, related_name="write_offs"
    )  # the expected payment written off
    made_by = models.UUIDField()
    checked_by = models.UUIDField(null=True)
    requested_at = models.DateTimeField()
    booked_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="adjustment_positive"),
            models.CheckConstraint(condition=Q(checked_by__isnull=True) | ~Q(checked_by=F("made_by")), name="adjustment_four_eyes"),
            models.CheckConstraint(
                condition=Q(status__in=["REQUESTED", "REJECTED"], booked_at__isnull=True)
                | Q(status="APPROVED", checked_by__isnull=False)
                | Q(status__in=["BOOKED", "SETTLED", "REVERSED"], booked_at__isnull=False, checked_by__isnull=False),
                name="adjustment_checked",
            ),
            models.CheckConstraint(
                condition=Q(kind="WRITE_OFF", direction="PAY", pays__isnull=False)
                | ~Q(kind="WRITE_OFF", direction="PAY") & Q(pays__isnull=True),
                name="adjustment_writes_off",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="adjustment_reason"),
        ]
        indexes = [models.Index(fields=["account", "-requested_at"], name="adjustment_by_account")]
