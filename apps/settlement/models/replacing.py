"""A transaction of ours that hangs on its chain, and those that replace it: same nonce or inputs, so that only one of them can confirm."""

from django.db import models
from django.db.models import F, Q

from apps.core.db import AmountField, Row

from ..states import ReplacementStatus
from .paying import Instruction, ReleaseBand


class Replacement(Row):
    """One more transaction of the same payment with a higher fee; the payment's own is the first. What confirms settles the payment."""

    instruction = models.ForeignKey(Instruction, on_delete=models.PROTECT, related_name="replacements")
    number = models.SmallIntegerField()
    fee = AmountField()  # the whole network fee, in the chain's own asset: ours
    reason = models.CharField(max_length=200)
    asked_by = models.UUIDField()
    checked_by = models.UUIDField(null=True)
    band = models.ForeignKey(ReleaseBand, null=True, on_delete=models.PROTECT, related_name="+")  # by which one person was enough
    status = models.CharField(max_length=9, choices=[(s, s) for s in ReplacementStatus], default=ReplacementStatus.READY)
    reference = models.CharField(max_length=80, blank=True)  # of its transaction
    failure = models.CharField(max_length=120, blank=True)
    made_at = models.DateTimeField()
    sending_since = models.DateTimeField(null=True)  # wall clock
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["instruction", "number"], name="replacement_number"),
            models.UniqueConstraint(
                fields=["instruction"], condition=Q(status__in=["READY", "SENDING", "UNKNOWN"]), name="replacement_one_at_once"
            ),
            models.CheckConstraint(condition=Q(fee__gt=0, number__gte=2), name="replacement_amounts"),
            models.CheckConstraint(
                condition=Q(checked_by__isnull=False, band__isnull=True) & ~Q(checked_by=F("asked_by"))
                | Q(checked_by__isnull=True, band__isnull=False),
                name="replacement_four_eyes",
            ),
        ]
