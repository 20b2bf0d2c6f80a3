"""The business day of a booking entity and the proofs that let it close."""

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from apps.clients.models import Counterparty
from apps.core.db import AmountField, Row
from apps.instruments.models import BookingEntity

from .states import BreakProof, BreakStatus, ClosingStatus, DayStatus, MonthStatus, OpeningKind, ShortfallStatus


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
    kind = models.CharField(max_length=20)  # rules.ProofKind
    proven = models.BooleanField()
    detail = models.JSONField()
    taken_at = models.DateTimeField()


class Closing(Row):
    """One closing of a day: from where the proofs of later days are read. Its day or an earlier one opened again, it is UNDONE."""

    day = models.ForeignKey(BusinessDay, on_delete=models.PROTECT, related_name="closings")
    status = models.CharField(max_length=8, choices=[(s, s) for s in ClosingStatus], default=ClosingStatus.STANDING)
    made_at = models.DateTimeField(db_default=models.expressions.RawSQL("clock_timestamp()", []))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day"], condition=Q(status="STANDING"), name="closing_once")]


class ClosingBalance(Row):
    """What a close proved of one nostro or one balance with a venue, and what is left open of it (rules.Carried)."""

    append_only = True

    closing = models.ForeignKey(Closing, on_delete=models.PROTECT, related_name="balances")
    kind = models.CharField(max_length=6, choices=[("NOSTRO", "nostro"), ("VENUE", "venue")])
    owner_id = models.UUIDField()
    asset_code = models.CharField(max_length=12)
    ledger = AmountField()
    version = models.BigIntegerField()
    stated = AmountField(null=True)
    sequence = models.BigIntegerField()
    apart = AmountField()
    open_lines = ArrayField(models.BigIntegerField())
    open_statement_lines = ArrayField(models.UUIDField())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["closing", "kind", "owner_id", "asset_code"], name="closingbalance_once")]


class Break(Row):
    """Something on which we and the outside do not agree. The next run finds it again in this row; it ends by going away or written off."""

    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="+")
    proof = models.CharField(max_length=8, choices=[(p, p) for p in BreakProof])
    kind = models.CharField(max_length=16)
    key = models.CharField(max_length=120)  # what it is about: nostro, payment, receipt, line, hedge, fill, venue
    asset_code = models.CharField(max_length=12)
    amount = AmountField(null=True)  # what the outside says less what the ledger says
    words = models.CharField(max_length=300)
    detail = models.JSONField(default=dict)
    status = models.CharField(max_length=11, choices=[(s, s) for s in BreakStatus], default=BreakStatus.OPEN)
    since = models.DateField()  # business date of what it is about, or on which it was first found
    found_at = models.DateTimeField()
    owner_id = models.UUIDField(null=True)
    owner_name = models.CharField(max_length=150, blank=True)
    explanation = models.CharField(max_length=200, blank=True)
    asked_by = models.UUIDField(null=True)  # of a write-off
    granted_by = models.UUIDField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "proof", "kind", "key"], condition=Q(status="OPEN"), name="break_once"),
            models.CheckConstraint(condition=Q(status="OPEN", ended_at__isnull=True) | ~Q(status="OPEN") & Q(ended_at__isnull=False),
                                   name="break_ended"),
            models.CheckConstraint(
                condition=~Q(status="WRITTEN_OFF")
                | Q(amount__isnull=False, asked_by__isnull=False, granted_by__isnull=False) & ~Q(asked_by=F("granted_by")),
                name="break_four_eyes",
            ),
            models.CheckConstraint(condition=Q(explanation="") | Q(owner_id__isnull=False), name="break_explained_by_owner"),
        ]  # fmt: skip
        indexes = [models.Index(fields=["entity", "status", "since"], name="break_book")]


class BreakNote(Row):
    """What was said or done about a break."""

    append_only = True

    one = models.ForeignKey(Break, on_delete=models.PROTECT, related_name="notes", db_column="break_id")
    by_id = models.UUIDField(null=True)  # null: the system
    by_name = models.CharField(max_length=150, blank=True)
    text = models.CharField(max_length=300)
    at = models.DateTimeField()


class VenueBalance(Row):
    """What an LP or venue says we hold there at the end of a business date. The last one of a date and asset counts."""

    append_only = True

    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="+")
    counterparty = models.ForeignKey(Counterparty, on_delete=models.PROTECT, related_name="+")
    date = models.DateField()
    asset_code = models.CharField(max_length=12)
    amount = AmountField()
    imported_by = models.UUIDField(null=True)
    imported_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["entity", "date", "counterparty", "asset_code"], name="venuebalance_day")]


class Opening(Row):
    """What one balance of ours or of a client was before the first posting that we know: asked by one, granted by another, posted once.

    `amount` is as the world says it: what we have there, or what we owe the client. Its ledger transaction has the key `opening:` and
    `ledger_account_id`; the walls refuse it where a real posting of that account is as old.
    """

    append_only = True

    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=14, choices=[(k, k) for k in OpeningKind])
    owner_id = models.UUIDField()  # nostro, client account or counterparty
    owner = models.CharField(max_length=160)  # as it was named when it was asked for
    asset_code = models.CharField(max_length=12)
    ledger_account_id = models.UUIDField()
    amount = AmountField()
    date = models.DateField()  # business date on which it posts
    evidence = models.CharField(max_length=200)
    asked_by = models.UUIDField()
    granted_by = models.UUIDField()
    posted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ledger_account_id"], name="opening_once"),
            models.CheckConstraint(condition=~Q(asked_by=F("granted_by")), name="opening_four_eyes"),
            models.CheckConstraint(condition=~Q(amount=0), name="opening_not_zero"),
            models.CheckConstraint(condition=~Q(evidence=""), name="opening_evidence"),
        ]
        indexes = [models.Index(fields=["entity", "-posted_at"], name="opening_by_entity")]


class Shortfall(Row):
    """What safeguarded clients are owed of an asset and our accounts for client money do not hold, from the posting that made it so until
    it is covered: one row a breach, and somebody's. `owed` and `kept` are as last seen, in units of the asset.
    """

    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="+")
    asset_code = models.CharField(max_length=12)
    owed = AmountField()
    kept = AmountField()
    worst = AmountField()  # the most that was missing
    status = models.CharField(max_length=7, choices=[(s, s) for s in ShortfallStatus], default=ShortfallStatus.OPEN)
    found_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    owner_id = models.UUIDField(null=True)
    owner_name = models.CharField(max_length=150, blank=True)
    words = models.CharField(max_length=200, blank=True)  # what its owner does about it

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "asset_code"], condition=Q(status="OPEN"), name="shortfall_once"),
            models.CheckConstraint(condition=Q(worst__gt=0) & Q(worst__gte=F("owed") - F("kept")), name="shortfall_missing"),
            models.CheckConstraint(
                condition=Q(status="OPEN", ended_at__isnull=True) | Q(status="COVERED", ended_at__isnull=False), name="shortfall_ended"
            ),
            models.CheckConstraint(condition=Q(words="") | Q(owner_id__isnull=False), name="shortfall_of_somebody"),
        ]

    @property
    def missing(self) -> Decimal:
        return Decimal(self.owed - self.kept)
