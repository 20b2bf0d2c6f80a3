"""The business day of a booking entity and the proofs that let it close."""

from django.db import models
from django.db.models import F, Q

from apps.core.db import Row
from apps.instruments.models import BookingEntity

from .states import DayStatus


class BusinessDay(Row):
    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="+")
    date = models.DateField()
    status = models.CharField(max_length=7, choices=[(s, s) for s in DayStatus], default=DayStatus.OPEN)
    started_by = models.UUIDField(null=True)
    closed_by = models.UUIDField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "date"], name="businessday_once"),
            models.CheckConstraint(
                condition=Q(closed_by__isnull=True) | Q(started_by__isnull=True) | ~Q(closed_by=F("started_by")),
                name="businessday_four_eyes",
            ),
        ]


class Proof(Row):
    """One check of the close: PROVEN, or a list of breaks."""

    append_only = True

    day = models.ForeignKey(BusinessDay, on_delete=models.PROTECT, related_name="proofs")
    kind = models.CharField(max_length=20)  # MARKS, POSITION_IDENTITY, BALANCE, MOVEMENT, SUSPENSE
    proven = models.BooleanField()
    detail = models.JSONField()
    taken_at = models.DateTimeField()
