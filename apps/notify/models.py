from django.db import models

from apps.core.db import Row
from apps.events.models import Event

from .states import DeliveryStatus


class Delivery(Row):
    """One message to one recipient out of one event.

    A mail may go out twice when its sender dies in between; its Message-ID is the same.
    """

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=8, default="EMAIL")
    recipient = models.CharField(max_length=254)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    attachments = models.JSONField(default=list)
    status = models.CharField(max_length=12, choices=[(s, s) for s in DeliveryStatus], default=DeliveryStatus.PENDING)
    tries = models.SmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    # Wall time of the next try; while a worker sends, the end of its lease.
    next_try_at = models.DateTimeField(db_default=models.expressions.RawSQL("clock_timestamp()", []))
    sent_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["event", "channel", "recipient"], name="delivery_once")]
        indexes = [
            models.Index(fields=["status", "created_at"], name="delivery_queue"),
            models.Index(fields=["next_try_at"], condition=models.Q(status__in=["PENDING", "BOUNCED"]), name="delivery_due"),
        ]
