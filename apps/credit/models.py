"""Lines, and what is reserved and used of them. Credit knows no deal: sources are ids."""

from django.db import models
from django.db.models import F, Q

from apps.core.db import AmountField, Row

from .states import ReservationStatus


class Line(Row):
    """How much a client (or group, or account) may owe us before it settles, in one currency.

    A trigger refuses an increase of reserved + used past amount + excess; a line may be cut below its use.
    """

    level = models.CharField(max_length=7, choices=[("GROUP", "group"), ("CLIENT", "client"), ("ACCOUNT", "account")])
    subject_id = models.UUIDField()
    currency = models.CharField(max_length=12, default="USD")
    amount = AmountField()
    excess = AmountField(default=0)
    excess_until = models.DateTimeField(null=True, blank=True)
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField()
    reserved = AmountField(default=0)
    used = AmountField(default=0)
    approved_by = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["level", "subject_id"], name="line_once"),
            models.CheckConstraint(condition=Q(reserved__gte=0, used__gte=0, amount__gte=0, excess__gte=0), name="line_positive"),
            models.CheckConstraint(condition=Q(valid_until__gt=F("valid_from")), name="line_dates"),
        ]


class Reservation(Row):
    """Part of a line taken for one request, then for its deal, until it settles.

    A source has one at a time on a line; another amount is another row.
    """

    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="reservations")
    source_id = models.UUIDField()  # the request, one reservation each
    deal_id = models.UUIDField(null=True)
    account_id = models.UUIDField()
    amount = AmountField()  # in the line's currency
    value_date = models.DateField(null=True)
    status = models.CharField(max_length=10, choices=[(s, s) for s in ReservationStatus], default=ReservationStatus.RESERVED)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["line", "source_id"], condition=Q(status__in=["RESERVED", "COMMITTED"]), name="reservation_once"
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="reservation_positive"),
        ]
        indexes = [
            models.Index(fields=["source_id"], name="reservation_source"),
            models.Index(fields=["line"], condition=Q(status__in=["RESERVED", "COMMITTED"]), name="reservation_live"),
        ]
