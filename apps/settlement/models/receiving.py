"""What comes in and what a rail says: receipts, matches, deposits, statement lines."""

from django.db import models
from django.db.models import F, Q

from apps.clients.models import Account
from apps.core.db import AmountField, Row
from apps.instruments.models import Asset

from ..states import DepositStatus, ReceiptStatus
from .owing import Nostro
from .paying import Instruction


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
    owner_role = models.CharField(max_length=12, default="operations")  # who has to act on it, until it is done
    owner_id = models.UUIDField(null=True)  # the person of that role who took it
    owner_name = models.CharField(max_length=120, blank=True)
    by_hand = models.BooleanField(default=False)  # people said what it is of, or took it off that: nothing but people applies it
    seen_at = models.DateTimeField()
    final_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["nostro", "rail_reference"], name="receipt_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="receipt_positive"),
            models.CheckConstraint(condition=~Q(status="QUARANTINED") | ~Q(quarantine_reason=""), name="receipt_quarantine_reason"),
            models.CheckConstraint(condition=~Q(owner_role=""), name="receipt_owned"),
        ]
        indexes = [models.Index(fields=["status"], name="receipt_queue")]


class ReceiptMatch(Row):
    """What one receipt paid: an expected instruction, a house transfer that it is of, or (neither) the client's balance, or capital.

    Σ of a MATCHED receipt is its amount, of any other 0.

    What was matched is never rewritten: it is undone by a row of its own, that mirrors it.
    """

    append_only = True

    receipt = models.ForeignKey(Receipt, on_delete=models.PROTECT, related_name="matches")
    instruction = models.ForeignKey(Instruction, null=True, on_delete=models.PROTECT, related_name="matches")
    house_transfer = models.ForeignKey("HouseTransfer", null=True, on_delete=models.PROTECT, related_name="parts")
    amount = AmountField()  # negative in a row that undoes one
    written_off = AmountField(default=0)  # of the instruction, beside what came: within the tolerance
    round = models.SmallIntegerField(default=1)  # how often the receipt was applied
    undoes = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="undone")
    matched_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["receipt", "instruction", "round"],
                condition=Q(undoes__isnull=True),
                nulls_distinct=False,
                name="receiptmatch_once",
            ),
            models.CheckConstraint(
                condition=Q(undoes__isnull=True, amount__gt=0, written_off__gte=0)
                | Q(undoes__isnull=False, amount__lt=0, written_off__lte=0),
                name="receiptmatch_sign",
            ),
            models.CheckConstraint(condition=Q(written_off=0) | Q(instruction__isnull=False), name="receiptmatch_write_off"),
            models.CheckConstraint(condition=Q(instruction__isnull=True) | Q(house_transfer__isnull=True), name="receiptmatch_one_end"),
        ]


class ReceiptNote(Row):
    """What somebody of ours wrote about a receipt."""

    append_only = True

    receipt = models.ForeignKey(Receipt, on_delete=models.PROTECT, related_name="notes")
    text = models.CharField(max_length=500)
    written_by = models.UUIDField()
    writer_name = models.CharField(max_length=120)
    written_at = models.DateTimeField()


class MatchTolerance(Row):
    """By how much a payment may fall short and still count as whole, per asset, in versions: asked by operations, granted by finance."""

    append_only = True

    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    version = models.IntegerField()
    amount = AmountField()
    reason = models.CharField(max_length=200)
    made_by = models.UUIDField()
    checked_by = models.UUIDField()
    set_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["asset", "version"], name="matchtolerance_version"),
            models.CheckConstraint(condition=~Q(made_by=F("checked_by")), name="matchtolerance_four_eyes"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="matchtolerance_amount"),
        ]


class Deposit(Row):
    """Money a client announced or sent for its balance; credited only from a CLEARED receipt."""

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    amount = AmountField()
    status = models.CharField(max_length=9, choices=[(s, s) for s in DepositStatus], default=DepositStatus.EXPECTED)
    receipt = models.ForeignKey(Receipt, null=True, on_delete=models.PROTECT, related_name="deposits")
    created_at = models.DateTimeField()
    credited_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["EXPECTED", "CANCELLED"]) | Q(receipt__isnull=False), name="deposit_from_receipt"
            ),
            models.UniqueConstraint(fields=["receipt"], condition=Q(status="CREDITED"), name="deposit_receipt_once"),
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

    nostro = models.ForeignKey(Nostro, on_delete=models.PROTECT, related_name="statement_lines", db_index=False)  # statementline_sequence
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
    number = models.BigIntegerField(null=True)  # the bank's own count, up to 18 digits
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
