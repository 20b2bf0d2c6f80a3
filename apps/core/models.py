"""The ground's tables: the desk clock, the answers that were given, and the public halves of the keys that sign."""

from django.db import models

from .db import Row


class DeskClock(models.Model):
    """At most one row; none in production, where the desk runs on the wall clock."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    frozen_at = models.DateTimeField(null=True)
    offset_by = models.DurationField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="deskclock_single"),
            models.CheckConstraint(
                condition=models.Q(frozen_at__isnull=False, offset_by__isnull=True)
                | models.Q(frozen_at__isnull=True, offset_by__isnull=False),
                name="deskclock_one_mode",
            ),
        ]


class StoredAnswer(Row):
    """What a mutation was answered, kept with its effect: the same key gets the same bytes for 30 days."""

    scope_id = models.UUIDField()
    key = models.CharField(max_length=64)
    request_hash = models.BinaryField(max_length=32)
    status = models.SmallIntegerField()
    body = models.BinaryField()
    reference = models.CharField(max_length=80, blank=True, default="")  # the client's own id of what was asked
    operation = models.CharField(max_length=80)
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["scope_id", "key"], name="storedanswer_key")]
        indexes = [models.Index(fields=["scope_id", "reference"], name="storedanswer_reference")]


class PublishedKey(models.Model):
    """The public half of an Ed25519 key that signs quote receipts: it stays, so that what it signed can always be verified."""

    append_only = True

    kid = models.CharField(max_length=43, primary_key=True)  # RFC 7638 thumbprint
    x = models.CharField(max_length=43, unique=True)
    published_at = models.DateTimeField()
