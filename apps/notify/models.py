from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.clients.models import Counterparty
from apps.core.db import Row
from apps.events.models import Event

from .states import DeliveryStatus, EndpointStatus, PostStatus


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


class Endpoint(Row):
    """Where a client wants its events sent: a reader of the event table with a place of its own, `last_seq`. Times are wall time."""

    client = models.ForeignKey(Counterparty, on_delete=models.PROTECT, related_name="+")
    url = models.CharField(max_length=1000)
    description = models.CharField(max_length=120, blank=True)
    types = ArrayField(models.CharField(max_length=60), default=list)  # none: all
    account_ids = ArrayField(models.UUIDField(), null=True)  # those of the key that made it; null: all, later ones too
    ordered = models.BooleanField(default=True)  # per object; else whatever is due goes
    status = models.CharField(max_length=8, choices=[(s, s) for s in EndpointStatus], default=EndpointStatus.ACTIVE)
    created_at = models.DateTimeField()
    created_by = models.UUIDField()
    last_seq = models.BigIntegerField()
    # Its health: failed tries in a row, since when, and until when it is left alone.
    failures = models.IntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    held_until = models.DateTimeField(null=True)
    served_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name, verbose_name_plural = "webhook endpoint", "webhook endpoints"
        constraints = [
            models.CheckConstraint(
                condition=Q(failures=0, failing_since__isnull=True) | Q(failures__gt=0, failing_since__isnull=False),
                name="endpoint_failing_since",
            )
        ]


class SigningKey(Row):
    """What signs the messages to one endpoint. Its secret half is sealed (core.sealing) and never shown again."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="keys")
    generation = models.IntegerField()
    scheme = models.CharField(max_length=3)
    sealed = models.BinaryField()
    public_key = models.BinaryField(max_length=32, null=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)  # set when a newer one has taken over

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "generation"], name="signingkey_generation"),
            models.UniqueConstraint(fields=["endpoint"], condition=Q(expires_at__isnull=True), name="signingkey_one_current"),
            models.CheckConstraint(
                condition=Q(scheme="v1a", public_key__isnull=False) | Q(scheme="v1", public_key__isnull=True), name="signingkey_scheme"
            ),
        ]


class Post(Row):
    """One event on its way to one endpoint."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.PROTECT, related_name="posts")
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="+")
    seq = models.BigIntegerField()
    object_id = models.UUIDField()  # what the event is about: the unit of order
    status = models.CharField(max_length=8, choices=[(s, s) for s in PostStatus], default=PostStatus.PENDING)
    tries = models.SmallIntegerField(default=0)  # failed ones since it was queued, or queued again
    attempts = models.IntegerField(default=0)  # begun ones, ever
    next_try_at = models.DateTimeField()
    leased_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name, verbose_name_plural = "webhook delivery", "webhook deliveries"
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event"], name="post_once"),
            models.CheckConstraint(condition=~Q(status="SENT") | Q(sent_at__isnull=False, leased_until__isnull=True), name="post_sent"),
            models.CheckConstraint(condition=~Q(status="RETRYING") | Q(attempts__gt=0), name="post_retrying"),
        ]
        indexes = [
            models.Index(fields=["endpoint", "next_try_at"], condition=~Q(status="SENT"), name="post_due"),
            models.Index(fields=["endpoint", "tries", "seq"], condition=~Q(status="SENT"), name="post_queue"),
            models.Index(fields=["endpoint", "object_id", "seq"], condition=~Q(status="SENT"), name="post_order"),
            models.Index(fields=["endpoint", "leased_until"], condition=Q(leased_until__isnull=False), name="post_leases"),
            models.Index(fields=["endpoint", "created_at", "id"], name="post_log"),
        ]


class Attempt(Row):
    """What became of one try. `number` counts a post's attempts; `answer` is the beginning of what the receiver said."""

    append_only = True

    post = models.ForeignKey(Post, on_delete=models.PROTECT, related_name="tried")
    number = models.IntegerField()
    began_at = models.DateTimeField()
    took_ms = models.IntegerField()
    status_code = models.SmallIntegerField(null=True)
    error = models.CharField(max_length=40, blank=True)
    answer = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = "webhook attempt", "webhook attempts"
        constraints = [models.UniqueConstraint(fields=["post", "number"], name="attempt_once")]
