"""The business day of a booking entity and the proofs that let it close."""

from django.db import models
from django.db.models import F, Q

from apps.core.db import Row
from apps.instruments.models import BookingEntity

from .states import DayStatus, MonthStatus


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


class Reopening(Row):
    """A closed day that was opened again: which closing it undid, why, and by which two."""

    append_only = True

    day = models.ForeignKey(BusinessDay, on_delete=models.PROTECT, related_name="reopenings")
    closed_at = models.DateTimeField()  # of the closing that it undoes
    reason = models.CharField(max_length=200)
    asked_by = models.UUIDField()
    granted_by = models.UUIDField()
    reopened_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["day", "closed_at"], name="reopening_once"),
            models.CheckConstraint(condition=~Q(asked_by=F("granted_by")), name="reopening_four_eyes"),
            models.CheckConstraint(condition=~Q(reason=""), name="reopening_reason"),
        ]


class Month(Row):
    """A calendar month of a booking entity; `number` counts its moves."""

    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="+")
    first = models.DateField()
    status = models.CharField(max_length=6, choices=[(s, s) for s in MonthStatus], default=MonthStatus.OPEN)
    number = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entity", "first"], name="month_once")]


class MonthMove(Row):
    """One lock or unlock, by two. `at` is the database's own clock, as `recorded_at` of a posting is."""

    append_only = True

    month = models.ForeignKey(Month, on_delete=models.PROTECT, related_name="moves")
    number = models.IntegerField()
    status = models.CharField(max_length=6)  # what the month is from then on
    reason = models.CharField(max_length=200)
    asked_by = models.UUIDField()
    granted_by = models.UUIDField()
    at = models.DateTimeField(db_default=models.expressions.RawSQL("clock_timestamp()", []))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["month", "number"], name="monthmove_number"),
            models.CheckConstraint(condition=~Q(asked_by=F("granted_by")), name="monthmove_four_eyes"),
            models.CheckConstraint(condition=~Q(reason=""), name="monthmove_reason"),
        ]


class Proof(Row):
    """One check of the close: PROVEN, or a list of breaks."""

    append_only = True

    day = models.ForeignKey(BusinessDay, on_delete=models.PROTECT, related_name="proofs")
    kind = models.CharField(max_length=20)  # MARKS, POSITION_IDENTITY, BALANCE, MOVEMENT, SUSPENSE
    proven = models.BooleanField()
    detail = models.JSONField()
    taken_at = models.DateTimeField()
