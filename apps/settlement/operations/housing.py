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
from apps.settlement.errors import BadDecision
from apps.settlement.models import HouseTransfer, Instruction, Nostro, Receipt, ReceiptMatch, VenuePlace
from apps.settlement.queries import housing as queries
from apps.settlement.queries.locks import lock_receipt
from apps.settlement.states import HOUSE_TRANSFER, RECEIPT, HouseTransferStatus, InstructionStatus, ReceiptStatus

from . import instructions, matching, travelling
from .nostros import business_date, till_of

S = HouseTransferStatus
CAPITAL_OUT, APPLIED = "CAPITAL_OUT", "RECEIPT_APPLIED"
WAITS = [InstructionStatus.READY, InstructionStatus.BLOCKED]


@step
def request(
    *,
    source: Nostro | None,
    target: Nostro | None,
    place: VenuePlace | None = None,
    owner: tuple[str, str] = ("", ""),
    amount: Decimal,
    reason: str,
    made_by: UUID,
    now: datetime,
) -> HouseTransfer:
    """REQUESTED: nothing moves before finance has checked it.

    :param place: the end with a venue, instead of the source or of the target
    :param owner: name and address of an owner of the house, instead of the target: capital that is taken out
    """
    one = source or target
    assert one is not None, "at least one end is an account of ours"
    made = HouseTransfer(
        id=ids.uuid7(), entity_id=one.entity_id, asset_id=one.asset_id, source=source, target=target, place=place,
        owner_name=owner[0], owner_address=owner[1], amount=amount, reason=reason, made_by=made_by, requested_at=now,
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
def cancel(*, transfer_id: UUID) -> HouseTransfer:
    """REQUESTED, APPROVED → CANCELLED; INSTRUCTED → FAILED with its payment CANCELLED, as long as nobody has released that.

    :raises IllegalMove: it may leave, has left, or has ended
    """
    waits = Instruction.objects.select_for_update(no_key=True, of=("self",)).filter(house_transfer_id=transfer_id, status__in=WAITS)
    payment, transfer = waits.first(), queries.lock(transfer_id)
    if payment is None:
        _move(transfer, S.CANCELLED)
        return transfer
    instructions.cancel(instructions=[payment], reason="its transfer is taken back")
    transfer.failure = "taken back before it was released"
    _move(transfer, S.FAILED, "failure")
    return transfer


@step
def instruct(*, transfer_id: UUID, due: date, now: datetime) -> Instruction | None:
    """APPROVED → INSTRUCTED: a payment, or what a venue is to be asked for, that waits for its release; None when someone was faster."""
    transfer = queries.lock(transfer_id)
    if transfer.status != S.APPROVED:
        return None
    _move(transfer, S.INSTRUCTED)
    nostro, to = transfer.source or transfer.target, transfer.target or transfer.place
    assert nostro is not None, "the constraint says so"
    if to is None:
        beneficiary = (transfer.owner_name, transfer.owner_address)
    else:
        beneficiary = (transfer.entity.name if isinstance(to, Nostro) else to.holder, to.address)
    return instructions.instruct_payment(
        target={"house_transfer": transfer},
        account=None,
        nostro=nostro,
        amount=transfer.amount,
        due_date=due,
        beneficiary=beneficiary,
        direction="PAY" if transfer.source is not None else "DRAW",
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
def let_go(*, transfer_id: UUID, now: datetime) -> bool:
    """Its payment is refused after all. What has come by then, whole, and names no payment is another's of the same amount, which is
    SETTLED by it.

    :return: False where it, or a part of it, has reached its end by itself: the refusal cannot be, and a person has to look
    """
    transfer = queries.lock(transfer_id)
    if not transfer.arrived:
        return True
    whole = queries.find_whole(transfer)
    came = None if whole is None else lock_receipt(whole.receipt_id)
    other = None if came is None else queries.lock_twin(transfer, came)
    if whole is None or came is None or other is None:
        return False
    go_back(transfer=transfer, amount=came.amount)
    matching.undo_one(match=whole, now=now)
    _keep(other, came, whole.round + 1, now)
    nth = ledger.count_posted(source_ids=[came.id], kind=APPLIED)[came.id]
    ledger.post(
        key=f"receipt:{came.id}:applied:{nth + 1}",
        kind=APPLIED,
        source_type="receipt",
        source_id=came.id,
        lines=[debit(transit(transfer), came.amount), credit(transit(other), came.amount)],
        effective_at=now,
        business_date=business_date(transfer.entity_id, now),
        narrative=f"house transfer {came.rail_reference}: of another"[:200],
    )
    return True


@step
def arrive(*, transfer_id: UUID, receipt_id: UUID, now: datetime) -> Receipt:
    """A receipt FINAL → CLEARED → MATCHED as a part of it, and with all of it here IN_TRANSIT → SETTLED; left as they are when someone was
    faster, or when nobody knows yet that the payment left.
    """
    transfer, receipt = queries.lock(transfer_id), lock_receipt(receipt_id)
    if receipt.status == ReceiptStatus.FINAL and not why_not_of(transfer, receipt):
        _bring(transfer, receipt, now)
    return receipt


@step
def assign(*, transfer: HouseTransfer, receipt: Receipt, now: datetime) -> None:
    """A receipt QUARANTINED → CLEARED → MATCHED as a part of it, as people have decided: nothing that it says told so.

    :param transfer: locked, and the receipt after it
    :raises BadDecision: it is not of this transfer (:func:`why_not_of`)
    """
    if why := why_not_of(transfer, receipt):
        raise BadDecision(why, pointer="/transfer")
    receipt.by_hand, receipt.owner_role = True, "operations"
    receipt.save(update_fields=["by_hand", "owner_role"])
    _bring(transfer, receipt, now)


def why_not_of(transfer: HouseTransfer, receipt: Receipt) -> str:
    """Why a receipt cannot be a part of it, in words; "" where it can."""
    if receipt.account_id is not None:
        return "it came from a client"
    if transfer.target_id != receipt.nostro_id:
        return f"the transfer goes to {transfer.to_name}, and this came on {receipt.nostro.name}"
    if transfer.status != S.IN_TRANSIT:
        return f"the transfer is {transfer.status}: nothing of it is known to be on its way"
    if receipt.amount > transfer.outstanding:
        return f"the transfer lacks {money.text(transfer.outstanding)} {transfer.asset_id}, and this is {money.text(receipt.amount)}"
    return ""


def _bring(transfer: HouseTransfer, receipt: Receipt, now: datetime) -> None:
    if transfer.place is not None:
        travelling.record_receipt(receipt=receipt, sender=None, place=transfer.place, now=now)
    for status in (ReceiptStatus.CLEARED, ReceiptStatus.MATCHED):
        RECEIPT.move(receipt, status)
        receipt.save(update_fields=["status"])
    _keep(transfer, receipt, 1, now)
    ledger.post(
        key=f"receipt:{receipt.id}:applied",
        kind=APPLIED,
        source_type="receipt",
        source_id=receipt.id,
        lines=[debit(till_of(receipt.nostro).ref(Kind.SUSPENSE), receipt.amount), credit(transit(transfer), receipt.amount)],
        effective_at=now,
        business_date=business_date(transfer.entity_id, now),
        narrative=f"house transfer {receipt.rail_reference}"[:200],
    )


@step
def add(*, transfer: HouseTransfer, amount: Decimal, now: datetime) -> None:
    """So much of it is there, which the caller posts; with all of it IN_TRANSIT → SETTLED.

    :param amount: above zero, no more than is outstanding
    """
    transfer.arrived += amount
    if transfer.outstanding:
        transfer.save(update_fields=["arrived"])
        _tell(transfer, "part_arrived")
        return
    transfer.settled_at = now
    _move(transfer, S.SETTLED, "arrived", "settled_at")


@step
def reach_owner(*, transfer_id: UUID, booked_at: datetime, now: datetime) -> None:
    """IN_TRANSIT → SETTLED: our statement shows capital gone to an owner of the house. Any other transfer is left as it is."""
    transfer = queries.lock(transfer_id)
    if not transfer.owner_address:
        return
    add(transfer=transfer, amount=transfer.amount, now=now)
    before = ledger.count_posted(source_ids=[transfer.id], kind=CAPITAL_OUT)  # its chain may take it back, and confirm it after all
    ledger.post(
        key=f"capital:{transfer.id}:{before[transfer.id] + 1}",
        kind=CAPITAL_OUT,
        source_type="house_transfer",
        source_id=transfer.id,
        lines=[debit(capital_of(transfer.entity_id, transfer.asset_id), transfer.amount), credit(transit(transfer), transfer.amount)],
        effective_at=booked_at,
        business_date=business_date(transfer.entity_id, booked_at),
        narrative=transfer.reason,
    )


@step
def leave_owner(*, transfer_id: UUID, reason: str, booked_at: datetime) -> bool:
    """SETTLED → IN_TRANSIT of capital that its payment brings back, with the linked reversal; False where any of it has reached another
    end.
    """
    transfer = queries.lock(transfer_id)
    if not transfer.arrived:
        return True
    if not transfer.owner_address:
        return False  # it has reached the other account as well
    go_back(transfer=transfer, amount=transfer.arrived)
    day = business_date(transfer.entity_id, booked_at)
    ledger.reverse(source_id=transfer.id, kinds=[CAPITAL_OUT], effective_at=booked_at, business_date=day, narrative=reason[:200])
    return True


def _keep(transfer: HouseTransfer, receipt: Receipt, nth: int, now: datetime) -> None:
    made = ReceiptMatch(id=ids.uuid7(), receipt=receipt, house_transfer=transfer, amount=receipt.amount, round=nth, matched_at=now)
    db.insert(made)
    add(transfer=transfer, amount=receipt.amount, now=now)


def capital_of(entity_id: UUID, asset: str) -> Ref:
    return Ref(entity_id, Kind.CAPITAL, asset)


@step
def lock_end_of(*, receipt_id: UUID) -> HouseTransfer | None:
    """The transfer that a receipt is of, as all lock it before the receipt; None is fine."""
    found = queries.find_end_of(receipt_id)
    return None if found is None else queries.lock(found)


@step
def take_out(*, receipt: Receipt) -> None:
    """What a receipt had brought of a transfer is on its way again: the caller undoes its match and posts it; none is fine.

    :param receipt: locked
    """
    transfer = lock_end_of(receipt_id=receipt.id)
    if transfer is not None:
        go_back(transfer=transfer, amount=receipt.amount)


@step
def go_back(*, transfer: HouseTransfer, amount: Decimal) -> None:
    """So much of what had come is gone again, which the caller posts: SETTLED → IN_TRANSIT."""
    transfer.arrived -= amount
    if transfer.status == S.IN_TRANSIT:
        transfer.save(update_fields=["arrived"])
        _tell(transfer, "part_gone")
        return
    transfer.settled_at = None
    _move(transfer, S.IN_TRANSIT, "arrived", "settled_at")


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
    house = {"from": transfer.from_name, "to": transfer.to_name, "amount": money.text(transfer.amount), "asset": transfer.asset_id}
    house["arrived"] = money.text(transfer.arrived)
    events.record(f"house_transfer.{what}", subject_type="house_transfer", subject_id=transfer.id, house=house)
