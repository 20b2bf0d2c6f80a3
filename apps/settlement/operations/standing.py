"""What stops when a place can no longer be paid, or a client no longer: every payment that has not begun to leave is BLOCKED."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from apps.core.unit import step
from apps.events import operations as events
from apps.settlement.models import Instruction, Receipt
from apps.settlement.states import INSTRUCTION, InstructionStatus, ReceiptStatus

from . import instructions, receipts

NOT_LEFT = [InstructionStatus.DRAFT, InstructionStatus.READY, InstructionStatus.RELEASED]


@step
def block_on_ssi(*, ssi_id: UUID, now: datetime) -> int:
    """Payments to this place that are not SENDING yet → BLOCKED; how many. The caller has moved the place in this transaction."""
    return _block(Q(ssi_id=ssi_id), now)


@step
def block_of(*, account_ids: Iterable[UUID], now: datetime) -> int:
    """Payments to these accounts, returns to them too, that are not SENDING yet → BLOCKED; how many."""
    return _block(Q(account_id__in=list(account_ids)), now)


@step
def freeze_receipts(*, account_ids: Iterable[UUID], now: datetime) -> int:
    """What has come for these accounts and is not credited yet → FROZEN, in blocked assets; how many. What comes later follows it there."""
    rows = Receipt.objects.select_for_update(no_key=True, of=("self",)).select_related("nostro")
    found = list(rows.filter(account_id__in=list(account_ids), status=ReceiptStatus.CLEARED).order_by("id"))
    for one in found:
        receipts.block(receipt=one, now=now)
    return len(found)


def _block(which: Q, now: datetime) -> int:
    """An instruction that begins to leave at the same instant holds its row: it is SENDING when we get it, or it finds the gate closed."""
    rows = Instruction.objects.select_for_update(no_key=True, of=("self",)).filter(which, direction="PAY", status__in=NOT_LEFT)
    found = list(rows.order_by("id"))
    for one in found:
        if one.status == InstructionStatus.DRAFT:
            INSTRUCTION.move(one, InstructionStatus.READY)
            one.save(update_fields=["status"])
        left = instructions.check(instruction=one, moment="CHECK", now=now)
        instructions.unrelease(instruction=one, status=InstructionStatus.BLOCKED)
        house = {"reference": one.end_to_end_id, "blockers": [str(b.code) for b in left]}
        events.record("instruction.blocked", subject_type="instruction", subject_id=one.id, house=house)
    return len(found)
