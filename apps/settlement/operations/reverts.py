"""Money that had come and is gone again: a chain's reorganisation, a bank's recall. It always posts, and may overdraw the client.

What was paid with it is owed again, a deposit out of it is REVERSED. The overdraft is called and restricts the client by the sweep that
watches every balance (workflows.watch_balances); nothing of another client, entity or of safeguarded money stands in for it.
"""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.core import money
from apps.core.unit import step
from apps.events import operations as events
from apps.ledger import operations as ledger
from apps.settlement.models import Instruction, Receipt
from apps.settlement.queries import views
from apps.settlement.queries.locks import Chain, lock_chain, lock_receipt
from apps.settlement.states import INSTRUCTION, InstructionStatus, ReceiptStatus

from . import housing, receipts, settling, transfers
from .nostros import business_date

REVERTIBLE = (ReceiptStatus.FINAL, ReceiptStatus.CLEARED, ReceiptStatus.MATCHED)


@step
def find(*, nostro_id: UUID, reference: str, amount: Decimal) -> Receipt | None:
    """The receipt that a line takes back: its own reference and its whole amount, or none."""
    found = Receipt.objects.filter(nostro_id=nostro_id, rail_reference=reference, amount=amount, status__in=REVERTIBLE)
    return found.first()


@step
def lock_for(*, receipt: Receipt) -> Chain:
    """What moves with a receipt, in the house order of locks."""
    if receipt.account_id is not None:
        settling.lock_money(account_id=receipt.account_id)
    return lock_chain(receipt.matches.exclude(instruction=None).values_list("instruction_id", flat=True))


@step
def revert(*, chain: Chain, receipt_id: UUID, reason: str, booked_at: datetime, now: datetime) -> bool:
    """FINAL, CLEARED, MATCHED → REVERTED, with the linked reversal of what was posted.

    :return: False where it stands otherwise by now (quarantined, going back): a person has to look
    """
    receipt = lock_receipt(receipt_id)
    if receipt.status not in REVERTIBLE:
        return False
    if receipt.status == ReceiptStatus.MATCHED:
        for match in receipt.matches.order_by("id"):
            if match.instruction_id is not None:
                _owe_again(chain, chain.instructions[match.instruction_id], match.amount, now)
        transfers.reverse_deposit(receipt=receipt)
        housing.unsettle(receipt=receipt)
    ledger.reverse(
        source_id=receipt.id,
        kinds=["RECEIPT_APPLIED", "RECEIPT_FINAL"],
        effective_at=booked_at,
        business_date=business_date(receipt.nostro.entity_id, booked_at),
        narrative=reason,
    )
    receipts.move(receipt, ReceiptStatus.REVERTED)
    _tell(receipt, reason)
    return True


def _owe_again(chain: Chain, one: Instruction, amount: Decimal, now: datetime) -> None:
    """RECEIVED, PART_RECEIVED → EXPECTED, and PART_RECEIVED where other receipts stay."""
    one.settled_amount -= amount
    one.settled_at = None
    INSTRUCTION.move(one, InstructionStatus.EXPECTED)
    one.save(update_fields=["status", "settled_amount", "settled_at"])
    if one.settled_amount:
        INSTRUCTION.move(one, InstructionStatus.PART_RECEIVED)
        one.save(update_fields=["status"])
    settling.owe_again(chain=chain, instruction=one, amount=amount, now=now)


def _tell(receipt: Receipt, reason: str) -> None:
    house = {"asset": receipt.asset_id, "amount": money.text(receipt.amount), "sender": receipt.sender_name, "reason": reason}
    if receipt.account is None:
        events.record("receipt.reverted", subject_type="receipt", subject_id=receipt.id, house=house)
        return
    events.record(
        "receipt.reverted",
        subject_type="receipt",
        subject_id=receipt.id,
        client_id=receipt.account.owner_id,
        account_id=receipt.account_id,
        public=views.describe_receipt(receipt),
        house=house,
    )
