"""What comes in and what a rail says: receipts, matches, deposits, statement lines."""

from django.db import models
from django.db.models import Q

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
