"""One append-only row per fact: history, audit and outbox are the same table."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.core.db import Row


class Event(Row):
    """`public` is what the client may see, `house` never leaves the desk. `client_seq` is gapless per client."""

    append_only = True

    position = models.BigIntegerField(db_default=models.expressions.RawSQL("nextval('events_position')", []), editable=False)
    era = models.SmallIntegerField(default=1)
    xid = models.BigIntegerField(db_default=models.expressions.RawSQL("pg_current_xact_id()::text::bigint", []), editable=False)
    kind = models.CharField(max_length=60)
    subject_type = models.CharField(max_length=40)
    subject_id = models.UUIDField()
    client_id = models.UUIDField(null=True)
    account_id = models.UUIDField(null=True)
    client_seq = models.BigIntegerField(null=True)
    public = models.JSONField(null=True)
    house = models.JSONField(default=dict)
    actor_kind = models.CharField(max_length=10)
    actor_id = models.UUIDField(null=True)
    actor_name = models.CharField(max_length=120, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    effective_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=models.expressions.RawSQL("clock_timestamp()", []))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client_id", "client_seq"], name="event_client_seq"),
            models.CheckConstraint(
                condition=Q(client_seq__isnull=True, public__isnull=True)
                | Q(client_seq__isnull=False, client_id__isnull=False, public__isnull=False),
                name="event_public_has_seq",
            ),
        ]
        indexes = [
            models.Index(fields=["subject_id", "position"], name="event_subject"),
            models.Index(fields=["era", "xid", "position"], name="event_commit_order"),
            models.Index(fields=["kind", "position"], name="event_kind"),
        ]


class Counter(models.Model):
    """The last sequence number of one client; its row is locked to the commit."""

    client_id = models.UUIDField(primary_key=True)
    last_seq = models.BigIntegerField()


class Cursor(models.Model):
    """How far one subscriber has read, in commit order."""

    subscriber = models.CharField(max_length=100, primary_key=True)
    era = models.SmallIntegerField(default=1)
    xid = models.BigIntegerField(default=0)
    position = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)
    failures = models.IntegerField(default=0)
    last_error = models.CharField(max_length=500, blank=True)


class Failure(Row):
    """An event that a subscriber gave up on after its tries: seen on the system page, retried by hand."""

    subscriber = models.CharField(max_length=100)
    event = models.ForeignKey(Event, on_delete=models.PROTECT)
    error = models.CharField(max_length=500)
    tags = ArrayField(models.CharField(max_length=40), default=list)
    failed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subscriber", "event"], name="failure_once")]


class Seal(models.Model):
    """One block of the chain: events and ledger transactions in commit order, sealed when nothing older was still running.

    It covers the rows of its era after transaction `after_xid` up to `xid`, both kinds together. `ids` and `digests` name each of them, so
    that a break can be told to the row; `head` is the hash of all this and of the head before.
    """

    append_only = True

    number = models.BigIntegerField(primary_key=True)
    era = models.SmallIntegerField()
    after_xid = models.BigIntegerField()
    xid = models.BigIntegerField()
    ids = ArrayField(models.UUIDField())
    digests = models.BinaryField()  # SHA-256 of each row, one behind the other
    previous = models.BinaryField()
    head = models.BinaryField(unique=True)
    sealed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["era", "after_xid"], name="seal_follows_once"),
            models.CheckConstraint(condition=Q(number__gt=0, xid__gt=models.F("after_xid")), name="seal_forward"),
        ]


class Anchor(models.Model):
    """The head of the chain as it was on a day, signed: what the file of that day says that is kept where this database is not."""

    append_only = True

    date = models.DateField(primary_key=True)  # of the wall, in UTC
    number = models.BigIntegerField()
    head = models.BinaryField()
    signed = models.TextField()  # compact JWS by a published key of ours
    written_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(number__gt=0), name="anchor_of_a_block")]
