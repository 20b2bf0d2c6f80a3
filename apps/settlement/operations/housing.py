"""House transfers. What has left the one account and not reached the other stands as IN_TRANSIT of the transfer itself."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.core import db, ids, money
from apps.core.unit import step
from apps.events import operations as events
from apps.ledger import operations as ledger
from apps.ledger.rules import Ref, credit, debit
from apps.ledger.states import Kind
from apps.settlement.models import HouseTransfer, Instruction, Nostro, Receipt, ReceiptMatch
from apps.settlement.queries import housing as queries
from apps.settlement.queries.locks import lock_receipt
from apps.settlement.states import HOUSE_TRANSFER, RECEIPT, HouseTransferStatus, ReceiptStatus

from . import instructions
from .nostros import business_date, till_of

S = HouseTransferStatus


@step
def request(*, source: Nostro, target: Nostro, amount: Decimal, reason: str, made_by: UUID, now: datetime) -> HouseTransfer:
    """REQUESTED: nothing moves before finance has checked it."""
    made = HouseTransfer(
        id=ids.uuid7(), entity_id=source.entity_id, asset_id=source.asset_id, source=source, target=target, amount=amount, reason=reason,
        made_by=made_by, requested_at=now,
    )  # fmt: skip
    db.insert(made)
    _tell(made, "requested")
    return made


@step
def approve(*, transfer: HouseTransfer, checker: UUID) -> None:
    """REQUESTED → APPROVED."""
    transfer.checked_by = checker
    _move(transfer, S.APPROVED, "checked_by")


@step
def cancel(*, transfer: HouseTransfer) -> None:
    """REQUESTED, APPROVED → CANCELLED.

    :raises IllegalMove: it is instructed, or ended
    """
    _move(transfer, S.CANCELLED)


@step
def instruct(*, transfer_id: UUID, due: date, now: datetime) -> Instruction | None:
    """APPROVED → INSTRUCTED: a payment that waits for its release; None when someone was faster."""
    transfer = queries.lock(transfer_id)
    if transfer.status != S.APPROVED:
        return None
    _move(transfer, S.INSTRUCTED)
    return instructions.instruct_payment(
        target={"house_transfer": transfer},
        account=None,
        nostro=transfer.source,
        amount=transfer.amount,
        due_date=due,
        beneficiary=(transfer.entity.name, transfer.target.address),
        now=now,
    )


@step
def leave(*, transfer_id: UUID) -> None:
    """INSTRUCTED → IN_TRANSIT: its payment is sent."""
    _move(queries.lock(transfer_id), S.IN_TRANSIT)


@step
def fail(*, transfer_id: UUID, reason: str) -> None:
    """INSTRUCTED, IN_TRANSIT → FAILED: its payment failed or came back, which the caller posts. Another try is a new transfer."""
    transfer = queries.lock(transfer_id)
    transfer.failure = reason[:120]
    _move(transfer, S.FAILED, "failure")


@step
def arrive(*, transfer_id: UUID, receipt_id: UUID, now: datetime) -> Receipt:
    """IN_TRANSIT → SETTLED, and its receipt FINAL → CLEARED → MATCHED; left as they are when someone was faster, or when nobody knows yet
    that the payment left.
    """
    transfer, receipt = queries.lock(transfer_id), lock_receipt(receipt_id)
    if transfer.status != S.IN_TRANSIT or receipt.status != ReceiptStatus.FINAL:
        return receipt
    for status in (ReceiptStatus.CLEARED, ReceiptStatus.MATCHED):
        RECEIPT.move(receipt, status)
        receipt.save(update_fields=["status"])
    db.insert(ReceiptMatch(id=ids.uuid7(), receipt=receipt, instruction=None, amount=receipt.amount, matched_at=now))
    transfer.receipt, transfer.settled_at = receipt, now
    _move(transfer, S.SETTLED, "receipt", "settled_at")
    ledger.post(
        key=f"receipt:{receipt.id}:applied",
        kind="RECEIPT_APPLIED",
        source_type="receipt",
        source_id=receipt.id,
        lines=[debit(till_of(receipt.nostro).ref(Kind.SUSPENSE), receipt.amount), credit(transit(transfer), receipt.amount)],
        effective_at=now,
        business_date=business_date(transfer.entity_id, now),
        narrative=f"house transfer {receipt.rail_reference}"[:200],
    )
    return receipt


@step
def unsettle(*, receipt: Receipt) -> None:
    """SETTLED → IN_TRANSIT: the receipt that ended it is taken back by the caller, who posts it; none is fine."""
    found = HouseTransfer.objects.filter(receipt=receipt, status=S.SETTLED).values_list("id", flat=True).first()
    if found is not None:
        transfer = queries.lock(found)
        transfer.receipt, transfer.settled_at = None, None
        _move(transfer, S.IN_TRANSIT, "receipt", "settled_at")


def transit(transfer: HouseTransfer) -> Ref:
    """Where money stands that has left one account of ours and not reached the other: nobody's cover until it is there."""
    return transit_of(transfer.entity_id, transfer.asset_id, transfer.id)


def transit_of(entity_id: UUID, asset: str, transfer_id: UUID) -> Ref:
    return Ref(entity_id, Kind.IN_TRANSIT, asset, owner_id=transfer_id)


def _move(transfer: HouseTransfer, status: HouseTransferStatus, *fields: str) -> None:
    HOUSE_TRANSFER.move(transfer, status)
    transfer.save(update_fields=["status", *fields])
    _tell(transfer, str(status).lower())


def _tell(transfer: HouseTransfer, what: str) -> None:
    house = {"from": transfer.source.name, "to": transfer.target.name, "amount": money.text(transfer.amount), "asset": transfer.asset_id}
    events.record(f"house_transfer.{what}", subject_type="house_transfer", subject_id=transfer.id, house=house)
