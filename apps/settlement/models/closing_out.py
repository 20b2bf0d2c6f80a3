"""A default: what one netting agreement came to, once and for all."""

from django.db import models
from django.db.models import F, Q

from apps.clients.models import Counterparty
from apps.core.db import AmountField, Row
from apps.instruments.models import BookingEntity

from ..rules.closing_out import EVENTS
from .adjusting import Adjustment


class CloseOut(Row):
    """An event of default recorded by risk, and what all that was unsettled under one agreement with one entity of ours was worth."""

    append_only = True

    client = models.ForeignKey(Counterparty, on_delete=models.PROTECT, related_name="+")
    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="+")
    agreement = models.CharField(max_length=80)
    event = models.CharField(max_length=14, choices=[(one, one) for one in EVENTS])
    evidence = models.CharField(max_length=200)
    marks_date = models.DateField()
    currency = models.CharField(max_length=12)
    amount = AmountField()  # positive: they owe us
    lines = models.JSONField()  # [{"asset", "amount", "price", "worth"}], decimal strings, positive in our favour
    adjustment = models.OneToOneField(Adjustment, null=True, on_delete=models.PROTECT, related_name="close_out")
    approval_id = models.UUIDField()
    made_by = models.UUIDField()
    checked_by = models.UUIDField()
    closed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["approval_id", "entity", "agreement"], name="closeout_once"),
            models.CheckConstraint(condition=~Q(made_by=F("checked_by")), name="closeout_four_eyes"),
            models.CheckConstraint(condition=~Q(evidence=""), name="closeout_evidence"),
            models.CheckConstraint(
                condition=Q(amount=0, adjustment__isnull=True) | ~Q(amount=0) & Q(adjustment__isnull=False), name="closeout_adjusted"
            ),
        ]
