"""The deal as agreed. `Trade` moves; its versions never change."""

from django.db import models
from django.db.models import F, Q

from apps.clients.models import Account, Counterparty, Terms
from apps.core.db import AmountField, Row
from apps.instruments.models import Book, BookingEntity, Pair
from apps.rfqs.models import Quote, Rfq

from .states import AllocationStatus, ConfirmationStatus, DisputeStatus, HedgeStatus, PlanStatus, TradeKind, TradeStatus


class Trade(Row):
    """A client deal (from a quote), a hedge (a record of what was dealt with an LP or venue) or one between two books of ours.

    The counterparty of an internal trade is our own entity; `book` is the side that the version tells, `to_book` the other.
    """

    kind = models.CharField(max_length=8, choices=[(k, k) for k in TradeKind])
    status = models.CharField(max_length=9, choices=[(s, s) for s in TradeStatus], default=TradeStatus.ACTIVE)
    counterparty = models.ForeignKey(Counterparty, on_delete=models.PROTECT, related_name="+")
    account = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    terms = models.ForeignKey(Terms, null=True, on_delete=models.PROTECT, related_name="+")
    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="+")
    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="+")
    to_book = models.ForeignKey(Book, null=True, on_delete=models.PROTECT, related_name="+")
    pair = models.ForeignKey(Pair, on_delete=models.PROTECT, related_name="+")
    rfq = models.OneToOneField(Rfq, null=True, on_delete=models.PROTECT, related_name="trade")
    quote = models.OneToOneField(Quote, null=True, on_delete=models.PROTECT, related_name="trade")
    client_order_id = models.CharField(max_length=64, null=True)
    execution_id = models.CharField(max_length=64, null=True)  # the LP's, unique per counterparty
    covers = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="hedges")
    source = models.CharField(max_length=6, choices=[("API", "API"), ("FILE", "file"), ("MANUAL", "manual"), ("QUOTE", "quote")])
    version = models.SmallIntegerField(default=1)
    trade_date = models.DateField()
    booked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["counterparty", "client_order_id"], name="trade_client_order"),
            models.UniqueConstraint(fields=["counterparty", "execution_id"], name="trade_execution"),
            models.CheckConstraint(
                condition=Q(kind="CLIENT", account__isnull=False, terms__isnull=False, to_book__isnull=True)
                | Q(kind="HEDGE", account__isnull=True, execution_id__isnull=False, to_book__isnull=True)
                | Q(kind="INTERNAL", account__isnull=True, to_book__isnull=False, quote__isnull=True, covers__isnull=True),
                name="trade_kind",
            ),
            models.CheckConstraint(
                condition=~Q(kind="CLIENT") | Q(rfq__isnull=False, quote__isnull=False), name="trade_of_a_client_has_its_quote"
            ),
            models.CheckConstraint(condition=Q(to_book__isnull=True) | ~Q(to_book=F("book")), name="trade_two_books"),
        ]
        indexes = [
            models.Index(fields=["-booked_at", "-id"], name="trade_blotter"),
            models.Index(fields=["counterparty", "-booked_at"], name="trade_by_client"),
        ]


class TradeVersion(Row):
    """The economics of a trade as of one version; immutable. `side` is the client's (a hedge's is ours)."""

    append_only = True

    trade = models.ForeignKey(Trade, on_delete=models.PROTECT, related_name="versions")
    number = models.SmallIntegerField()
    action = models.CharField(max_length=7, choices=[("NEW", "new"), ("CORRECT", "correct"), ("CANCEL", "cancel")])
    reason = models.CharField(max_length=15, blank=True)
    side = models.CharField(max_length=4, choices=[("buy", "buy"), ("sell", "sell")])
    quantity = AmountField()
    price = AmountField()
    quote_quantity = AmountField()  # quantity × price at the quote asset's scale, before the fee
    fee = AmountField(default=0)
    fee_asset = models.CharField(max_length=12)
    pays = AmountField()  # what the client (or, in a hedge, we) pay in all
    pays_asset = models.CharField(max_length=12)
    receives = AmountField()
    receives_asset = models.CharField(max_length=12)
    value_date = models.DateField()
    reference_mid = AmountField(null=True)
    trader_rate = AmountField(null=True)  # before the client's markup
    trader_id = models.UUIDField(null=True)  # who priced or dealt it; None: by itself
    sales = models.JSONField(default=list)  # whose credit: [{"person": user id, "share": percent}], the shares sum to 100
    introducer = models.ForeignKey(Counterparty, null=True, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=200, blank=True)  # why, in words that the client is told
    consent = models.CharField(max_length=120, blank=True)  # where the client agreed to it
    made_by = models.UUIDField(null=True)
    checked_by = models.UUIDField(null=True)
    approval_id = models.UUIDField(null=True)
    effective_at = models.DateTimeField()  # from when it is true: never after it was recorded
    recorded_at = models.DateTimeField(db_default=models.expressions.RawSQL("clock_timestamp()", []))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["trade", "number"], name="tradeversion_number"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, price__gt=0, quote_quantity__gt=0, pays__gt=0, receives__gt=0, fee__gte=0),
                name="tradeversion_positive",
            ),
            models.CheckConstraint(condition=~Q(pays_asset=F("receives_asset")), name="tradeversion_two_assets"),
        ]


class Allocation(Row):
    """The part of a block that another account of the same client settles: its own obligations, ledger lines and credit.

    What it pays and receives is its share of the current version; the block's own account settles what nobody has taken.
    """

    trade = models.ForeignKey(Trade, on_delete=models.PROTECT, related_name="allocations")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=8, choices=[(s, s) for s in AllocationStatus], default=AllocationStatus.PROPOSED)
    quantity = AmountField()  # base
    refusal = models.CharField(max_length=40, blank=True)  # the code of why it was rejected
    detail = models.CharField(max_length=200, blank=True)
    proposed_by = models.UUIDField(null=True)  # member, or one of our own people; null: as planned before the deal
    proposed_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    reversed_at = models.DateTimeField(null=True)
    reversed_by = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gt=0), name="allocation_positive"),
            models.CheckConstraint(condition=Q(status="REJECTED") | Q(refusal=""), name="allocation_refusal"),
            models.CheckConstraint(condition=Q(status="PROPOSED") | Q(decided_at__isnull=False), name="allocation_decided"),
            models.UniqueConstraint(fields=["trade", "account"], condition=Q(status__in=["PROPOSED", "ACCEPTED"]), name="allocation_once"),
        ]


class AllocationPlan(Row):
    """How a client wants the deal of a request shared out, said before the deal; the last one said counts."""

    rfq = models.ForeignKey(Rfq, on_delete=models.PROTECT, related_name="+", db_index=False)  # plan_number leads with it
    number = models.SmallIntegerField()
    status = models.CharField(max_length=9, choices=[(s, s) for s in PlanStatus], default=PlanStatus.PLANNED)
    planned_by = models.UUIDField()  # member
    planned_at = models.DateTimeField()
    trade = models.OneToOneField(Trade, null=True, on_delete=models.PROTECT, related_name="plan")
    refusal = models.CharField(max_length=40, blank=True)  # the code of why the whole deal could not be shared out
    detail = models.CharField(max_length=200, blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rfq", "number"], name="plan_number"),
            models.UniqueConstraint(fields=["rfq"], condition=Q(status="PLANNED"), name="plan_one"),
            models.CheckConstraint(condition=Q(number__gte=1), name="plan_from_one"),
            models.CheckConstraint(
                condition=Q(status="PLANNED", ended_at__isnull=True) | (~Q(status="PLANNED") & Q(ended_at__isnull=False)), name="plan_ended"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["DONE", "REFUSED"], trade__isnull=False)
                | (~Q(status__in=["DONE", "REFUSED"]) & Q(trade__isnull=True)),
                name="plan_of_a_deal",
            ),
            models.CheckConstraint(condition=Q(status="REFUSED") | Q(refusal=""), name="plan_refusal"),
        ]
        indexes = [models.Index(fields=["planned_at"], condition=Q(status="PLANNED"), name="plan_open")]


class PlannedShare(Row):
    """What one account is to take by a plan: a base quantity, or a percentage of the deal."""

    append_only = True

    plan = models.ForeignKey(AllocationPlan, on_delete=models.PROTECT, related_name="shares", db_index=False)  # plannedshare_once
    position = models.SmallIntegerField()  # as it was said: the first takes of a line first
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+", db_index=False)
    quantity = AmountField(null=True)
    percent = AmountField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "account"], name="plannedshare_once"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0, percent__isnull=True) | Q(quantity__isnull=True, percent__gt=0, percent__lte=100),
                name="plannedshare_one",
            ),
        ]


class Confirmation(Row):
    """What both sides say was dealt, one a version, numbered by client without gaps.

    Its document never changes; `digest` is the document's SHA-256.
    """

    trade = models.ForeignKey(Trade, on_delete=models.PROTECT, related_name="confirmations")
    version = models.OneToOneField(TradeVersion, on_delete=models.PROTECT, related_name="confirmation")
    client = models.ForeignKey(Counterparty, on_delete=models.PROTECT, related_name="+")
    number = models.IntegerField()
    status = models.CharField(max_length=10, choices=[(s, s) for s in ConfirmationStatus], default=ConfirmationStatus.DUE)
    document = models.JSONField()
    digest = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField()  # answered by then, else reminded
    reminders = models.SmallIntegerField(default=0)
    reminded_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    answered_by = models.UUIDField(null=True)
    answered_kind = models.CharField(max_length=6, blank=True)  # MEMBER, or STAFF on the client's behalf
    answered_name = models.CharField(max_length=120, blank=True)
    evidence = models.CharField(max_length=300, blank=True)  # of an answer that our own people keep

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client", "number"], name="confirmation_number"),
            models.CheckConstraint(condition=Q(number__gt=0), name="confirmation_from_one"),
            models.CheckConstraint(condition=~Q(status="AFFIRMED") | Q(answered_at__isnull=False), name="confirmation_answered"),
            models.CheckConstraint(condition=~Q(answered_kind="STAFF") | ~Q(evidence=""), name="confirmation_evidence"),
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(status__in=["DUE", "SENT", "DISPUTED"]), name="confirmation_open")]


class Dispute(Row):
    """A deal that its client does not agree with.

    While it is open, what is OPEN of it stays out of net sets, and what is unsent is blocked.
    """

    trade = models.ForeignKey(Trade, on_delete=models.PROTECT, related_name="disputes")
    version = models.ForeignKey(TradeVersion, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=9, choices=[(s, s) for s in DisputeStatus], default=DisputeStatus.OPEN)
    reason = models.CharField(max_length=12)
    detail = models.CharField(max_length=300, blank=True)
    evidence = models.CharField(max_length=300, blank=True)
    raised_kind = models.CharField(max_length=6)  # MEMBER, or STAFF on the client's behalf
    raised_by = models.UUIDField()
    raised_name = models.CharField(max_length=120)
    raised_at = models.DateTimeField()
    owner_id = models.UUIDField(null=True)  # who of our own people looks after it
    owner_name = models.CharField(max_length=120, blank=True)
    due_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.UUIDField(null=True)
    outcome = models.CharField(max_length=200, blank=True)
    resolution = models.ForeignKey(TradeVersion, null=True, on_delete=models.PROTECT, related_name="+")  # the version it was upheld by

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["trade"], condition=Q(status="OPEN"), name="dispute_one_open"),
            models.CheckConstraint(
                condition=Q(status="OPEN", ended_at__isnull=True) | (~Q(status="OPEN") & Q(ended_at__isnull=False)), name="dispute_ended"
            ),
            models.CheckConstraint(condition=~Q(status="UPHELD") | Q(resolution__isnull=False), name="dispute_upheld_by"),
            models.CheckConstraint(condition=~Q(raised_kind="STAFF") | ~Q(evidence=""), name="dispute_evidence"),
        ]


class Hedge(Row):
    """What is true of a hedge beside its economics: what the LP's own record says of it, and what it was dealt for."""

    trade = models.OneToOneField(Trade, on_delete=models.PROTECT, related_name="hedge")
    status = models.CharField(max_length=11, choices=[(s, s) for s in HedgeStatus], default=HedgeStatus.UNCONFIRMED)
    pre_hedge = models.BooleanField(default=False)  # dealt before the client's deal, with its consent (FX Global Code 11)
    rfq = models.ForeignKey(Rfq, null=True, on_delete=models.PROTECT, related_name="pre_hedges")
    differences = models.JSONField(default=list)  # [{"field", "ours", "theirs"}] against the LP's last record
    compared_at = models.DateTimeField(null=True)
    asked_by = models.UUIDField(null=True)  # of the last move that needs two people
    checked_by = models.UUIDField(null=True)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(pre_hedge=False, rfq__isnull=True) | Q(pre_hedge=True, rfq__isnull=False), name="hedge_pre"),
            models.CheckConstraint(
                condition=Q(asked_by__isnull=True, checked_by__isnull=True)
                | (Q(asked_by__isnull=False, checked_by__isnull=False) & ~Q(asked_by=F("checked_by"))),
                name="hedge_four_eyes",
            ),
        ]
        indexes = [models.Index(fields=["status"], condition=~Q(status__in=["CONFIRMED", "CANCELLED"]), name="hedge_unconfirmed")]


class LpRecord(Row):
    """A drop copy: what one LP or venue says was executed with us on one business date. The last one of a date counts."""

    append_only = True

    counterparty = models.ForeignKey(Counterparty, on_delete=models.PROTECT, related_name="+")
    trade_date = models.DateField()
    digest = models.CharField(max_length=64)  # SHA-256 of its text: the same file is kept once
    lines = models.IntegerField()
    imported_by = models.UUIDField(null=True)
    imported_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["counterparty", "trade_date", "digest"], name="lprecord_once")]


class LpFill(Row):
    """One line of an LP's record; `side` is ours."""

    append_only = True

    record = models.ForeignKey(LpRecord, on_delete=models.PROTECT, related_name="fills")
    line = models.IntegerField()
    execution_id = models.CharField(max_length=64)
    pair_code = models.CharField(max_length=25)
    side = models.CharField(max_length=4, choices=[("buy", "buy"), ("sell", "sell")])
    quantity = AmountField()
    price = AmountField()
    fee = AmountField()
    executed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["record", "execution_id"], name="lpfill_once"),
            models.CheckConstraint(condition=Q(quantity__gt=0, price__gt=0, fee__gte=0), name="lpfill_positive"),
        ]
