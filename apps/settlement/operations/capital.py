"""Capital of the house: what its owners pay in, out of a receipt that waits, and what they take out, as a payment through the gate."""

from datetime import datetime

from apps.core import db, ids, money
from apps.core.unit import step
from apps.events import operations as events
from apps.ledger import operations as ledger
from apps.ledger.rules import credit, debit
from apps.ledger.states import Kind
from apps.settlement.errors import BadCapital
from apps.settlement.models import Receipt, ReceiptMatch
from apps.settlement.states import ReceiptStatus

from . import receipts
from .housing import capital_of
from .nostros import business_date, till_of


@step
def pay_in(*, receipt: Receipt, owner: str, now: datetime) -> None:
    """QUARANTINED → CLEARED → MATCHED: what came is the house's own.

    :param receipt: locked
    :param owner: who of the owners paid it
    :raises BadCapital: it does not wait any more, or it is known whose it is
    """
    require_open(receipt)
    for status in (ReceiptStatus.CLEARED, ReceiptStatus.MATCHED):
        receipts.move(receipt, status)
    nth = receipt.matches.filter(undoes__isnull=True).count() + 1
    db.insert(ReceiptMatch(id=ids.uuid7(), receipt=receipt, instruction=None, amount=receipt.amount, round=nth, matched_at=now))
    ledger.post(
        key=f"receipt:{receipt.id}:capital",
        kind="RECEIPT_APPLIED",
        source_type="receipt",
        source_id=receipt.id,
        lines=[
            debit(till_of(receipt.nostro).ref(Kind.SUSPENSE), receipt.amount),
            credit(capital_of(receipt.nostro.entity_id, receipt.asset_id), receipt.amount),
        ],
        effective_at=now,
        business_date=business_date(receipt.nostro.entity_id, now),
        narrative=f"capital of {owner}"[:200],
    )
    house = {"asset": receipt.asset_id, "amount": money.text(receipt.amount), "owner": owner}
    events.record("receipt.capital", subject_type="receipt", subject_id=receipt.id, house=house)


def require_open(receipt: Receipt) -> None:
    """:raises BadCapital: it is not in quarantine, or is a client's"""
    if receipt.status != ReceiptStatus.QUARANTINED:
        raise BadCapital(f"the receipt is {receipt.status}", pointer="/receipt")
    if receipt.account_id is not None:
        raise BadCapital("it came from a client", pointer="/receipt")
