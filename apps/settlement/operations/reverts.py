"""Money that had come and is gone again: a chain's reorganisation, a bank's recall. It always posts, and may overdraw the client.

What was paid with it is owed again, a deposit out of it is REVERSED. The overdraft is called and restricts the client by the sweep that
watches every balance (workflows.watch_balances); nothing of another client, entity or of safeguarded money stands in for it.
"""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.core.unit import step
from apps.ledger import operations as ledger
from apps.settlement.models import Receipt
from apps.settlement.queries.locks import Chain, lock_receipt
from apps.settlement.states import ReceiptStatus

from . import housing, matching, receipts
from .nostros import business_date

REVERTIBLE = (ReceiptStatus.FINAL, ReceiptStatus.CLEARED, ReceiptStatus.MATCHED)


@step
def find(*, nostro_id: UUID, reference: str, amount: Decimal) -> Receipt | None:
    """The receipt that a line takes back: its own reference and its whole amount, or none."""
    found = Receipt.objects.filter(nostro_id=nostro_id, rail_reference=reference, amount=amount, status__in=REVERTIBLE)
    return found.first()


@step
def lock(*, receipt_id: UUID) -> Receipt:
    """The house transfer that it is of, where it is of one, and the receipt."""
    housing.lock_end_of(receipt_id=receipt_id)
    return lock_receipt(receipt_id)


@step
def revert(*, chain: Chain, receipt_id: UUID, reason: str, booked_at: datetime, now: datetime) -> bool:
    """FINAL, CLEARED, MATCHED → REVERTED, with the linked reversal of what was posted.

    :param chain: what it paid; the account whose money it is, is locked too
    :return: False where it stands otherwise by now (quarantined, going back), or what it paid was closed out: a person has to look
    """
    receipt = lock(receipt_id=receipt_id)
    if receipt.status not in REVERTIBLE or matching.is_closed_out(chain):
        return False
    if receipt.status == ReceiptStatus.MATCHED:
        housing.take_out(receipt=receipt)
        matching.undo(receipt=receipt, chain=chain, now=now)
    ledger.reverse(
        source_id=receipt.id,
        kinds=["RECEIPT_APPLIED", "RECEIPT_FINAL"],
        effective_at=booked_at,
        business_date=business_date(receipt.nostro.entity_id, booked_at),
        narrative=reason,
    )
    receipts.move(receipt, ReceiptStatus.REVERTED)
    matching.tell(receipt, "receipt.reverted", reason=reason)
    return True
