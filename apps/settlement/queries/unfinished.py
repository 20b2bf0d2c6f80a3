"""What of an account is not at its end: while there is any of it, its client does not leave us."""

from uuid import UUID

from apps.settlement.models import Adjustment, Deposit, Instruction, NetSet, Obligation, Receipt, Withdrawal
from apps.settlement.states import (
    CLOSED_INSTRUCTION,
    OPEN_DEPOSIT,
    OPEN_NET_SET,
    OPEN_OBLIGATION,
    OPEN_WITHDRAWAL,
    AdjustmentStatus,
    InstructionStatus,
    ReceiptStatus,
)

_ENDED_RECEIPT = [ReceiptStatus.MATCHED, ReceiptStatus.DROPPED, ReceiptStatus.RETURNED, ReceiptStatus.REVERTED]
_OPEN_ADJUSTMENT = [AdjustmentStatus.REQUESTED, AdjustmentStatus.APPROVED, AdjustmentStatus.BOOKED]


def count_open(account_id: UUID) -> list[tuple[str, int]]:
    """What is open, in words, and how many of each; what there is none of is left out."""
    ended = [*CLOSED_INSTRUCTION, InstructionStatus.FAILED, InstructionStatus.SPLIT]  # of what is SPLIT the parts are open
    found = {
        "obligations": Obligation.objects.filter(account_id=account_id, status__in=OPEN_OBLIGATION),
        "net sets": NetSet.objects.filter(account_id=account_id, status__in=OPEN_NET_SET),
        "payments": Instruction.objects.filter(account_id=account_id).exclude(status__in=ended),
        "receipts": Receipt.objects.filter(account_id=account_id).exclude(status__in=_ENDED_RECEIPT),
        "announced deposits": Deposit.objects.filter(account_id=account_id, status__in=OPEN_DEPOSIT),
        "withdrawals": Withdrawal.objects.filter(account_id=account_id, status__in=OPEN_WITHDRAWAL),
        "adjustments": Adjustment.objects.filter(account_id=account_id, status__in=_OPEN_ADJUSTMENT),
    }
    return [(what, count) for what, rows in found.items() if (count := rows.count())]
