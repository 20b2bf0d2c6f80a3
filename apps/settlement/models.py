"""Obligations, net sets, instructions, receipts, deposits and withdrawals."""

from django.db import models
from django.db.models import F, Q

from apps.clients.models import Account, Ssi
from apps.core.db import AmountField, Row
from apps.instruments.models import Asset, BookingEntity, Rail
from apps.trades.models import Allocation, Trade, TradeVersion

from .states import (
    DepositStatus,
    InstructionStatus,
    NetLegStatus,
    NetSetStatus,
    ObligationStatus,
    ReceiptStatus,
    WithdrawalStatus,
)

DIRECTIONS = [("PAY", "we pay"), ("RECEIVE", "we receive")]


class Nostro(Row):
    """A bank account or wallet of ours."""

    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="nostros")
    rail = models.ForeignKey(Rail, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    address = models.CharField(max_length=120)  # IBAN, account number or wallet address
    designation = models.CharField(max_length=6, choices=[("HOUSE", "house"), ("CLIENT", "client")])

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["entity", "asset", "designation"], name="nostro_once"),
            models.UniqueConstraint(fields=["rail", "address"], name="nostro_address"),
        ]

    def __str__(self) -> str:
        return self.name


class NetSet(Row):
    """(account, booking entity, value date, cut-off): its members never change; it is aborted and replaced."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="+")
    value_date = models.DateField()
    cutoff_at = models.DateTimeField()
    attempt = models.SmallIntegerField(default=1)
    status = models.CharField(max_length=10, choices=[(s, s) for s in NetSetStatus], default=NetSetStatus.FROZEN)
    agree_by = models.DateTimeField(null=True)
    frozen_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "entity", "value_date", "cutoff_at", "attempt"], name="netset_once"),
            models.UniqueConstraint(
                fields=["account", "entity", "value_date", "cutoff_at"], condition=~Q(status="ABORTED"), name="netset_one_alive"
            ),
        ]


class NetLeg(Row):
    """What is left of one asset after netting; zero settles at once."""

    net_set = models.ForeignKey(NetSet, on_delete=models.PROTECT, related_name="legs")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    direction = models.CharField(max_length=7, choices=DIRECTIONS)
    amount = AmountField()
    settled_amount = AmountField(default=0)
    status = models.CharField(max_length=12, choices=[(s, s) for s in NetLegStatus], default=NetLegStatus.OPEN)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["net_set", "asset"], name="netleg_once"),
            models.CheckConstraint(
                condition=Q(amount__gte=0, settled_amount__gte=0, settled_amount__lte=F("amount")), name="netleg_amounts"
            ),
        ]


class Obligation(Row):
    """One asset of one trade version that one side owes the other on the value date.

    Σ of a trade over its versions is its current economics: what is no longer OPEN stays as it is, and a later version owes the difference.
    """

    trade = models.ForeignKey(Trade, on_delete=models.PROTECT, related_name="obligations")
    version = models.ForeignKey(TradeVersion, on_delete=models.PROTECT, related_name="+")
    allocation = models.ForeignKey(Allocation, null=True, on_delete=models.PROTECT, related_name="+")  # null: the deal's own account
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    direction = models.CharField(max_length=7, choices=DIRECTIONS)
    amount = AmountField()
    settled_amount = AmountField(default=0)
    value_date = models.DateField()
    status = models.CharField(max_length=12, choices=[(s, s) for s in ObligationStatus], default=ObligationStatus.OPEN)
    net_leg = models.ForeignKey(NetLeg, null=True, on_delete=models.PROTECT, related_name="members")
    booked_at = models.DateTimeField()
    held_until = models.DateTimeField(null=True)  # excluded from every set that is cut off before
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["version", "allocation", "asset", "direction"],
                condition=~Q(status="CANCELLED"),
                nulls_distinct=False,
                name="obligation_once",
            ),
            models.CheckConstraint(
                condition=Q(amount__gt=0, settled_amount__gte=0, settled_amount__lte=F("amount")), name="obligation_amounts"
            ),
            models.CheckConstraint(condition=~Q(status="SETTLED") | Q(settled_amount=F("amount")), name="obligation_settled_whole"),
        ]
        indexes = [
            models.Index(fields=["value_date", "account"], condition=Q(status="OPEN"), name="obligation_open"),
        ]


class Exclusion(Row):
    """An obligation kept out of the sets before a cut-off: why, and by whom. The last one counts."""

    append_only = True

    obligation = models.ForeignKey(Obligation, on_delete=models.PROTECT, related_name="exclusions")
    until = models.DateTimeField()  # the cut-off of the set that it goes into
    reason = models.CharField(max_length=200)
    made_by = models.UUIDField()
    made_at = models.DateTimeField()


class LineDispute(Row):
    """The client says no to one line of a frozen set. It ends when the set is agreed after all, or aborted."""

    net_set = models.ForeignKey(NetSet, on_delete=models.PROTECT, related_name="disputes")
    obligation = models.ForeignKey(Obligation, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200)
    raised_kind = models.CharField(max_length=6)  # MEMBER, or STAFF with the client's word as evidence
    raised_by = models.UUIDField()
    evidence = models.CharField(max_length=200, blank=True)
    raised_at = models.DateTimeField()
    outcome = models.CharField(max_length=7, blank=True, choices=[("AGREED", "agreed"), ("ABORTED", "aborted")])
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["net_set", "obligation"], condition=Q(outcome=""), name="linedispute_one_open"),
            models.CheckConstraint(
                condition=Q(outcome="", ended_at__isnull=True) | ~Q(outcome="") & Q(ended_at__isnull=False), name="linedispute_ended"
            ),
            models.CheckConstraint(condition=~Q(raised_kind="STAFF") | ~Q(evidence=""), name="linedispute_evidence"),
        ]


class Withdrawal(Row):
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    ssi = models.ForeignKey(Ssi, on_delete=models.PROTECT, related_name="+")
    amount = AmountField()
    status = models.CharField(max_length=15, choices=[(s, s) for s in WithdrawalStatus], default=WithdrawalStatus.REQUESTED)
    client_reference = models.CharField(max_length=64)
    requested_by = models.UUIDField()  # member
    approved_by = models.UUIDField(null=True)  # a second member
    requested_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "client_reference"], name="withdrawal_reference"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="withdrawal_positive"),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("requested_by")), name="withdrawal_two_members"
            ),
        ]


class Instruction(Row):
    """One payment to make or to expect. An attempt that failed or came back is ended; the next is a new row."""

    direction = models.CharField(max_length=7, choices=DIRECTIONS)
    account = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    entity = models.ForeignKey(BookingEntity, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    nostro = models.ForeignKey(Nostro, on_delete=models.PROTECT, related_name="+")
    band = models.ForeignKey("ReleaseBand", null=True, on_delete=models.PROTECT, related_name="+")  # by which it was let go without people
    ssi = models.ForeignKey(Ssi, null=True, on_delete=models.PROTECT, related_name="+")
    amount = AmountField()
    settled_amount = AmountField(default=0)
    net_leg = models.ForeignKey(NetLeg, null=True, on_delete=models.PROTECT, related_name="instructions")
    obligation = models.ForeignKey(Obligation, null=True, on_delete=models.PROTECT, related_name="instructions")
    withdrawal = models.ForeignKey(Withdrawal, null=True, on_delete=models.PROTECT, related_name="instructions")
    returns = models.ForeignKey("Receipt", null=True, on_delete=models.PROTECT, related_name="return_instructions")
    attempt = models.SmallIntegerField(default=1)
    end_to_end_id = models.CharField(max_length=35, unique=True)
    beneficiary_name = models.CharField(max_length=120, blank=True)  # as instructed: the SSI's holder, or the remitter of a return
    beneficiary_address = models.CharField(max_length=120, blank=True)
    status = models.CharField(max_length=13, choices=[(s, s) for s in InstructionStatus])
    due_date = models.DateField()
    rail_reference = models.CharField(max_length=80, blank=True)
    made_by = models.UUIDField(null=True)  # null: the system
    released_by = models.UUIDField(null=True)
    released_at = models.DateTimeField(null=True)
    sending_since = models.DateTimeField(null=True)  # wall clock: how long the rail has owed us an answer
    sent_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=120, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0, settled_amount__gte=0), name="instruction_positive"),
            models.CheckConstraint(
                condition=Q(released_by__isnull=True) | Q(made_by__isnull=True) | ~Q(released_by=F("made_by")), name="instruction_four_eyes"
            ),
            models.UniqueConstraint(fields=["net_leg", "attempt"], name="instruction_leg_attempt"),
            models.UniqueConstraint(fields=["obligation", "attempt"], name="instruction_obligation_attempt"),
            models.UniqueConstraint(fields=["withdrawal", "attempt"], name="instruction_withdrawal_attempt"),
            models.UniqueConstraint(fields=["returns", "attempt"], name="instruction_return_attempt"),
        ]
        indexes = [models.Index(fields=["status", "due_date"], name="instruction_queue")]


class ReleaseBand(Row):
    """How many people let the payments of a rail go, in versions: asked by one, granted by another. The last version counts."""

    append_only = True

    rail = models.ForeignKey(Rail, on_delete=models.PROTECT, related_name="bands")
    version = models.IntegerField()
    straight_through = AmountField(default=0)
    two_checkers = AmountField(null=True)
    largest = AmountField(null=True)
    reason = models.CharField(max_length=200)
    made_by = models.UUIDField()
    checked_by = models.UUIDField()
    set_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rail", "version"], name="releaseband_version"),
            models.CheckConstraint(condition=~Q(made_by=F("checked_by")), name="releaseband_four_eyes"),
            models.CheckConstraint(
                condition=Q(straight_through__gte=0)
                & (Q(two_checkers__isnull=True) | Q(two_checkers__gte=F("straight_through")))
                & (Q(largest__isnull=True) | Q(largest__gt=0)),
                name="releaseband_amounts",
            ),
        ]


class GateDecision(Row):
    """The blockers as they stood at one decision: the operator's screen and the audit story at once."""

    append_only = True

    instruction = models.ForeignKey(Instruction, on_delete=models.PROTECT, related_name="decisions")
    moment = models.CharField(max_length=10)  # CHECK, RELEASE, SEND
    blockers = models.JSONField()
    overridden = models.JSONField(default=list)
    passed = models.BooleanField()
    decided_by = models.UUIDField(null=True)
    decided_at = models.DateTimeField()


class Receipt(Row):
    """Incoming money, as a statement or a chain shows it."""

    nostro = models.ForeignKey(Nostro, on_delete=models.PROTECT, related_name="receipts")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    amount = AmountField()
    rail_reference = models.CharField(max_length=80)
    sender_name = models.CharField(max_length=120, blank=True)
    sender_address = models.CharField(max_length=120, blank=True)
    remittance = models.CharField(max_length=140, blank=True)
    value_date = models.DateField()
    status = models.CharField(max_length=12, choices=[(s, s) for s in ReceiptStatus], default=ReceiptStatus.SEEN)
    account = models.ForeignKey(Account, null=True, on_delete=models.PROTECT, related_name="+")
    instruction = models.ForeignKey(Instruction, null=True, on_delete=models.PROTECT, related_name="receipts")
    quarantine_reason = models.CharField(max_length=24, blank=True)
    owner_role = models.CharField(max_length=12, blank=True)  # who has to act on it
    seen_at = models.DateTimeField()
    final_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["nostro", "rail_reference"], name="receipt_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="receipt_positive"),
            models.CheckConstraint(condition=~Q(status="QUARANTINED") | ~Q(quarantine_reason=""), name="receipt_quarantine_reason"),
        ]
        indexes = [models.Index(fields=["status"], name="receipt_queue")]


class ReceiptMatch(Row):
    """What one receipt paid: an expected instruction, or (none) the client's balance. Σ of a receipt is its amount."""

    append_only = True

    receipt = models.ForeignKey(Receipt, on_delete=models.PROTECT, related_name="matches")
    instruction = models.ForeignKey(Instruction, null=True, on_delete=models.PROTECT, related_name="matches")
    amount = AmountField()
    matched_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["receipt", "instruction"], nulls_distinct=False, name="receiptmatch_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="receiptmatch_positive"),
        ]


class ReleaseStop(Row):
    """No payment leaves while one is thrown: on by one person at once, off by a second."""

    reason = models.CharField(max_length=200)
    thrown_by = models.UUIDField()
    thrown_at = models.DateTimeField()
    lifted_by = models.UUIDField(null=True, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(lifted_by__isnull=True) | ~Q(lifted_by=F("thrown_by")), name="releasestop_two_people"),
            models.CheckConstraint(
                condition=Q(lifted_by__isnull=True, lifted_at__isnull=True) | Q(lifted_by__isnull=False, lifted_at__isnull=False),
                name="releasestop_lifted",
            ),
        ]


class Deposit(Row):
    """Money a client announced or sent for its balance; credited only from a CLEARED receipt."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    amount = AmountField()
    status = models.CharField(max_length=9, choices=[(s, s) for s in DepositStatus], default=DepositStatus.EXPECTED)
    receipt = models.OneToOneField(Receipt, null=True, on_delete=models.PROTECT, related_name="deposit")
    created_at = models.DateTimeField()
    credited_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["EXPECTED", "CANCELLED"]) | Q(receipt__isnull=False), name="deposit_from_receipt"
            )
        ]


class RailCursor(models.Model):
    """How far a rail's statement has been read, per nostro."""

    nostro = models.OneToOneField(Nostro, on_delete=models.PROTECT, primary_key=True)
    last_line = models.CharField(max_length=80, blank=True)
    last_sequence = models.BigIntegerField(default=0)
    balance = AmountField(default=0)  # the closing balance the rail states
    read_at = models.DateTimeField(null=True)


class StatementLine(Row):
    """One line of a bank's or chain's statement, kept as read: what reconciliation proves the ledger against."""

    append_only = True

    nostro = models.ForeignKey(Nostro, on_delete=models.PROTECT, related_name="statement_lines")
    sequence = models.BigIntegerField()
    reference = models.CharField(max_length=80)
    amount = AmountField()  # positive: came in; negative: went out
    end_to_end_id = models.CharField(max_length=35, blank=True)
    kind = models.CharField(max_length=10)  # PAYMENT, RECEIPT, RETURN, CHARGE
    counterparty_name = models.CharField(max_length=120, blank=True)
    counterparty_address = models.CharField(max_length=120, blank=True)
    remittance = models.CharField(max_length=140, blank=True)
    balance = AmountField()
    booked_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["nostro", "sequence"], name="statementline_sequence"),
        ]


class StatementImport(Row):
    """One statement out of a file, taken in whole: the same one again brings nothing."""

    append_only = True

    nostro = models.ForeignKey(Nostro, on_delete=models.PROTECT, related_name="statement_imports")
    digest = models.CharField(max_length=64)  # of what it says, whatever the file looks like
    number = models.IntegerField(null=True)  # the bank's own count
    opening = AmountField()
    closing = AmountField()
    first_sequence = models.BigIntegerField()
    line_count = models.IntegerField()
    imported_by = models.UUIDField(null=True)
    imported_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["nostro", "digest"], name="statementimport_once"),
            models.CheckConstraint(condition=Q(line_count__gte=0, first_sequence__gte=1), name="statementimport_counts"),
        ]
