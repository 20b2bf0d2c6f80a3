"""Balanced, immutable entries with running balances. The triggers of 0002_walls say so to raw SQL too."""

from django.db import models
from django.db.models import Q

from apps.core.db import AmountField, Row

from .states import HAVE, RESULT, HoldStatus, Kind


class LedgerAccount(Row):
    """One balance: (booking entity, kind, asset, book, owner). `amount` is debits positive, `held` is earmarked credit."""

    entity_id = models.UUIDField()
    kind = models.CharField(max_length=16, choices=[(k, k) for k in Kind])
    asset_code = models.CharField(max_length=12)
    book_id = models.UUIDField(null=True)
    owner_id = models.UUIDField(null=True)  # client account, counterparty, nostro or introducer
    designation = models.CharField(max_length=6, choices=[("HOUSE", "house"), ("CLIENT", "client")], default="HOUSE")
    amount = AmountField(default=0)
    held = AmountField(default=0)
    version = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["entity_id", "kind", "asset_code", "book_id", "owner_id"], nulls_distinct=False, name="ledgeraccount_once"
            ),
            # Each account is on one side of the position identity; with zero sums per asset and entity it holds at every commit.
            models.CheckConstraint(condition=Q(kind__in=[str(k) for k in (*HAVE, *RESULT)]), name="ledgeraccount_kind"),
            models.CheckConstraint(condition=Q(held__gte=0), name="ledgeraccount_held"),
        ]
        indexes = [models.Index(fields=["owner_id"], name="ledgeraccount_owner")]


class LedgerTransaction(Row):
    """Header of balanced lines. `key` makes posting idempotent: the same key with another payload is a conflict.

    `era` and `xid` are its place in commit order, as an event's: the seals follow it.
    """

    append_only = True

    key = models.CharField(max_length=120, unique=True)
    payload_hash = models.CharField(max_length=64)
    kind = models.CharField(max_length=30)
    entity_id = models.UUIDField()
    source_type = models.CharField(max_length=30)
    source_id = models.UUIDField()
    narrative = models.CharField(max_length=200, blank=True)
    reverses = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="reversed_by", db_index=False)
    effective_at = models.DateTimeField()
    business_date = models.DateField()
    recorded_at = models.DateTimeField(db_default=models.expressions.RawSQL("clock_timestamp()", []))
    era = models.SmallIntegerField(db_default=1)
    xid = models.BigIntegerField(db_default=models.expressions.RawSQL("pg_current_xact_id()::text::bigint", []), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reverses"], condition=Q(reverses__isnull=False), name="ledgertransaction_reversed_once"),
        ]
        indexes = [
            models.Index(fields=["source_id"], name="ledgertransaction_source"),
            models.Index(fields=["era", "xid"], name="ledgertransaction_commit_order"),
        ]


class LedgerLine(models.Model):
    """One movement of one account; `balance` and `version` are the account's right after it.

    That its transaction and its account exist is looked at by the trigger that proves the rest, once a statement, not by foreign keys: both
    are never deleted.
    """

    append_only = True

    id = models.BigAutoField(primary_key=True)
    transaction = models.ForeignKey(LedgerTransaction, on_delete=models.PROTECT, related_name="lines", db_constraint=False)
    account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="lines", db_constraint=False, db_index=False)
    asset_code = models.CharField(max_length=12)
    amount = AmountField()  # debit positive, credit negative
    balance = AmountField()
    version = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "version"], name="ledgerline_version"),
            models.CheckConstraint(condition=~Q(amount=0), name="ledgerline_not_zero"),
        ]


class Hold(Row):
    """Money of a client set aside for one purpose, until it is posted or voided, at most once."""

    account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="holds")
    amount = AmountField()
    status = models.CharField(max_length=8, choices=[(s, s) for s in HoldStatus], default=HoldStatus.PENDING)
    source_type = models.CharField(max_length=30)
    source_id = models.UUIDField()
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source_id", "account"], condition=Q(status="PENDING"), name="hold_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="hold_positive"),
        ]
        indexes = [models.Index(fields=["account"], condition=Q(status="PENDING"), name="hold_pending")]


class ClosedDay(Row):
    """A business date of an entity that takes no posting any more. Kept by the close's triggers: a day CLOSED, a month LOCKED."""

    entity_id = models.UUIDField()
    date = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entity_id", "date"], name="closedday_once")]
