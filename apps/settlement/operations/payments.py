"""Our payments from the decision to send to the booked line, and back when they are returned."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.core import clock, db, money
from apps.core.unit import step
from apps.events import operations as events
from apps.instruments.queries import get_entity_by_id as get_entity
from apps.ledger import operations as ledger
from apps.ledger.rules import Line, Ref
from apps.ledger.states import Kind
from apps.settlement.models import GateDecision, Instruction, Nostro
from apps.settlement.queries import describing, venues
from apps.settlement.queries.locks import Chain, lock_chain, lock_instruction, lock_receipt
from apps.settlement.rules import postings
from apps.settlement.rules.gate import Blocker
from apps.settlement.rules.postings import Till, VenueTill
from apps.settlement.rules.rail import Payment
from apps.settlement.states import INSTRUCTION, RECEIPT, InstructionStatus, ReceiptStatus

from . import housing, instructions, matching, settling, splitting, transfers, travelling
from .nostros import business_date, till_of

SENT_KIND, BOOKED_KIND = "PAYMENT_SENT", "PAYMENT_BOOKED"


@step
def begin_sending(*, instruction_id: UUID, now: datetime) -> tuple[Instruction, Payment | None, list[Blocker]]:
    """RELEASED → SENDING when the gate is open at this very moment, else RELEASED → BLOCKED; None when someone was faster.

    The nostro's row is locked, so that two payments cannot both count on the same money; so is what we keep with a venue.
    """
    i = lock_instruction(instruction_id)
    if i.status != InstructionStatus.RELEASED:
        return i, None, []
    place = None if i.house_transfer is None else i.house_transfer.place
    if i.direction == "DRAW" and place is not None:
        venues.lock_balance(place)
    else:
        Nostro.objects.select_for_update(no_key=True, of=("self",)).get(id=i.nostro_id)
    travelling.record_payment(instruction=i, now=now)
    asked = [one for one in (i.id, i.whole_id) if one is not None]  # a part was released with its whole, or afresh by itself
    approved = GateDecision.objects.filter(instruction_id__in=asked, moment="RELEASE", passed=True).order_by("-id").first()
    left = instructions.check(
        instruction=i, moment="SEND", now=now, by=i.released_by, overridden=approved.overridden if approved is not None else ()
    )
    if left:
        instructions.unrelease(instruction=i, status=InstructionStatus.BLOCKED)
        _tell_house(i, "instruction.blocked", {"blockers": [str(b.code) for b in left]})
        return i, None, left
    i.sending_since = clock.wall_now()
    move(i, InstructionStatus.SENDING, "sending_since")
    return i, Payment(i.end_to_end_id, i.amount, i.beneficiary_name, i.beneficiary_address, _remittance(i)), []


def _remittance(i: Instruction) -> str:
    """By which the other side knows it: a part names the whole."""
    if i.returns is not None:
        return f"RETURN {i.returns.rail_reference}"
    place = None if i.house_transfer is None else i.house_transfer.place
    if i.direction == "PAY" and place is not None and place.reference:
        return f"{place.reference} {i.end_to_end_id}"  # what the venue wants to read
    return i.end_to_end_id if i.whole is None else f"{i.whole.end_to_end_id} PART {i.part}"


@step
def mark_sent(*, chain: Chain, instruction_id: UUID, reference: str, now: datetime) -> Instruction:
    """SENDING or UNKNOWN → SENT: what we owed is in transit."""
    i = chain.instructions[instruction_id]
    i.rail_reference, i.sent_at, i.failure = reference, now, ""
    move(i, InstructionStatus.SENT, "rail_reference", "sent_at", "failure")
    if i.net_leg_id is not None:
        settling.begin(net_set=chain.net_sets[chain.legs[i.net_leg_id].net_set_id])
    if i.withdrawal_id is not None:
        transfers.use_hold(withdrawal_id=i.withdrawal_id, payment=i, now=now)
    if i.house_transfer_id is not None:
        housing.leave(transfer_id=i.house_transfer_id)
    _post(i, SENT_KIND, postings.payment_sent(_till(i), _owed(i), i.amount), f"payment:{i.id}:sent", now)
    if i.whole_id is not None:
        splitting.follow(part=i, now=now)
    _tell(i, "instruction.sent")
    return i


@step
def mark_unknown(*, instruction: Instruction) -> None:
    """SENDING → UNKNOWN: no answer came. Never sent again; the rail's status or a statement line tells."""
    move(instruction, InstructionStatus.UNKNOWN)
    _tell_house(instruction, "instruction.unknown", {"amount": money.text(instruction.amount), "asset": instruction.asset_id})


@step
def mark_failed(*, chain: Chain, instruction_id: UUID, reason: str, now: datetime) -> Instruction:
    """SENDING, UNKNOWN or SENT → FAILED: this attempt is over; what it was for is open again."""
    i = chain.instructions[instruction_id]
    was_sent = i.status == InstructionStatus.SENT
    i.failure = reason[:120]
    move(i, InstructionStatus.FAILED, "failure")
    if was_sent:
        _reverse(i, [SENT_KIND], now, reason)
    _reopen(chain, i, given_back=i.amount if was_sent else money.ZERO, now=now)
    _tell(i, "instruction.failed")
    return i


@dataclass(frozen=True, slots=True)
class Gone:
    """A line that shows `amount` of a payment of ours gone; positive, in units of the asset."""

    instruction_id: UUID
    amount: Decimal
    line_id: UUID
    booked_at: datetime


@step
def book(*, chain: Chain, gone: Gone, now: datetime) -> bool:
    """A statement shows a payment of ours gone, or part of it; the last part settles it. False: the line is not explained by it."""
    return gone.line_id in book_all(chain=chain, gone=[gone], now=now)


@step
def book_all(*, chain: Chain, gone: Sequence[Gone], now: datetime) -> set[UUID]:
    """:func:`book` of several lines in their order, written together; the lines that are explained."""
    booked, moved, whole = list[Gone](), dict[UUID, Instruction](), list[tuple[Instruction, Gone]]()
    for one in gone:
        i = chain.instructions[one.instruction_id]
        if i.status in {InstructionStatus.SENDING, InstructionStatus.UNKNOWN}:
            mark_sent(chain=chain, instruction_id=i.id, reference=i.rail_reference, now=now)
        if i.status != InstructionStatus.SENT or i.settled_amount + one.amount > i.amount:
            continue
        i.settled_amount += one.amount
        if i.settled_amount == i.amount:
            i.settled_at = now
            INSTRUCTION.move(i, InstructionStatus.SETTLED)
            whole.append((i, one))
        booked.append(one)
        moved[i.id] = i
    _write_booked([*moved.values()], now)
    days = {entity_id: get_entity(entity_id) for entity_id in {i.entity_id for i in moved.values()}}
    for one in booked:
        i = moved[one.instruction_id]
        on = days[i.entity_id].business_date(one.booked_at)
        _post(i, BOOKED_KIND, postings.payment_booked(_till(i), one.amount), f"line:{one.line_id}", one.booked_at, on)
    settling.apply_all(chain=chain, paid=[(moved[one.instruction_id], one.amount) for one in booked], now=now)
    parts = {i.whole_id: i for i in moved.values() if i.whole_id is not None}  # of each whole the last one here
    left = {i.id for i in moved.values() if i.whole_id is not None}
    left -= {i.id for i in parts.values() if splitting.follow(part=i, now=now)}
    for i, one in whole:
        _end(i, is_last=i.id not in left, booked_at=one.booked_at, now=now)
    withdrawn = [i.withdrawal_id for i, _ in whole if i.withdrawal_id is not None and i.id not in left]
    transfers.settle_withdrawals(withdrawal_ids=withdrawn, now=now)
    return {one.line_id for one in booked}


def _write_booked(moved: Sequence[Instruction], now: datetime) -> None:
    if len(moved) == 1:
        moved[0].save(update_fields=["status", "settled_amount", "settled_at"])
    elif moved:
        db.run(
            "UPDATE settlement_instruction i SET status = m.status, settled_amount = m.settled, "
            "settled_at = CASE m.status WHEN 'SETTLED' THEN %s::timestamptz ELSE i.settled_at END "
            "FROM unnest(%s::uuid[], %s::text[], %s::numeric[]) AS m(id, status, settled) WHERE i.id = m.id",
            (now, db.array(i.id for i in moved), db.array(str(i.status) for i in moved), db.array(i.settled_amount for i in moved)),
        )


def _end(i: Instruction, *, is_last: bool, booked_at: datetime, now: datetime) -> None:
    """It has settled.

    :param is_last: False: of what it is a part of, another part is still to be paid
    """
    _tell(i, "instruction.settled")
    if i.whole_id is not None and is_last:
        splitting.tell_whole(i, "instruction.settled")
    if i.house_transfer_id is not None:
        housing.reach_owner(transfer_id=i.house_transfer_id, booked_at=booked_at, now=now)
    if i.returns_id is not None:
        receipt = lock_receipt(i.returns_id)
        RECEIPT.move(receipt, ReceiptStatus.RETURNED)
        receipt.save(update_fields=["status"])
        matching.tell(receipt, "receipt.returned")


@step
def take_back(*, chain: Chain, instruction_id: UUID, reason: str, booked_at: datetime, now: datetime) -> bool:
    """SETTLED → RETURNED: the money is back on our account; the linked reversals, and what it was for is open again.

    :return: False where the statement has not shown it gone, or the return of a receipt came back: a person has to look
    """
    i = chain.instructions[instruction_id]
    if i.status != InstructionStatus.SETTLED or i.returns_id is not None:
        return False
    if i.house_transfer_id is not None and not housing.leave_owner(transfer_id=i.house_transfer_id, reason=reason, booked_at=booked_at):
        return False
    i.failure = reason[:120]
    move(i, InstructionStatus.RETURNED, "failure")
    _reverse(i, [SENT_KIND, BOOKED_KIND], booked_at, reason)
    _reopen(chain, i, given_back=i.amount, now=now)
    _tell(i, "instruction.returned")
    return True


@step
def unconfirm(*, chain: Chain, instruction_id: UUID, reason: str, booked_at: datetime, now: datetime) -> bool:
    """SETTLED → SENT: its chain took the transaction back. It is in transit again, for it or one of the same nonce may still confirm.

    :return: False where it has not settled, or what it returned has ended: a person has to look
    """
    i = chain.instructions[instruction_id]
    if i.status != InstructionStatus.SETTLED or i.returns_id is not None:
        return False
    if i.house_transfer_id is not None and not housing.leave_owner(transfer_id=i.house_transfer_id, reason=reason, booked_at=booked_at):
        return False
    undone, i.settled_amount, i.settled_at = i.settled_amount, money.ZERO, None
    move(i, InstructionStatus.SENT, "settled_amount", "settled_at")
    _reverse(i, [BOOKED_KIND], booked_at, reason)
    settling.owe_again(chain=chain, instruction=i, amount=undone, now=now)
    if i.withdrawal_id is not None:
        transfers.unsettle(withdrawal_id=i.withdrawal_id)
    if i.whole_id is not None:
        splitting.follow(part=i, now=now)
    _tell(i, "instruction.unconfirmed")
    return True


@step
def lock_for(*, instruction_id: UUID) -> Chain:
    """Everything that moves with a payment, in the house order of locks."""
    account_id = Instruction.objects.values_list("account_id", flat=True).get(id=instruction_id)
    if account_id is not None:
        settling.lock_money(account_id=account_id)
    return lock_chain([instruction_id])


def move(i: Instruction, status: InstructionStatus, *fields: str) -> None:
    INSTRUCTION.move(i, status)
    i.save(update_fields=["status", *fields])


def _till(i: Instruction) -> Till | VenueTill:
    """Out of which it is paid: an account of ours, or what we keep with a venue."""
    if i.direction == "DRAW":
        assert i.house_transfer is not None and i.house_transfer.place is not None, "the constraints say so"
        return VenueTill(i.entity_id, i.house_transfer.place.venue_id, i.asset_id)
    return till_of(i.nostro)


def _owed(i: Instruction) -> Ref:
    """What a payment of ours takes from."""
    if i.returns_id is not None:
        return till_of(i.nostro).ref(Kind.SUSPENSE)
    if i.house_transfer_id is not None:
        return housing.transit_of(i.entity_id, i.asset_id, i.house_transfer_id)
    assert i.account_id is not None
    kind = Kind.CLIENT_BALANCE if i.withdrawal_id is not None else Kind.PAYABLE
    return postings.client_ref(kind, i.entity_id, i.account_id, i.asset_id)


def _post(i: Instruction, kind: str, lines: list[Line], key: str, at: datetime, on: date | None = None) -> None:
    ledger.post(
        key=key,
        kind=kind,
        source_type="instruction",
        source_id=i.id,
        lines=lines,
        effective_at=at,
        business_date=on or business_date(i.entity_id, at),
        narrative=i.end_to_end_id,
    )


def _reverse(i: Instruction, kinds: list[str], at: datetime, why: str) -> None:
    ledger.reverse(source_id=i.id, kinds=kinds, effective_at=at, business_date=business_date(i.entity_id, at), narrative=why[:200])


def _reopen(chain: Chain, i: Instruction, *, given_back: Decimal, now: datetime) -> None:
    if i.whole_id is not None:
        if i.settled_amount:
            settling.owe_again(chain=chain, instruction=i, amount=i.settled_amount, now=now)
        splitting.pay_again(part=i, given_back=given_back, now=now)
    elif i.house_transfer_id is not None:
        housing.fail(transfer_id=i.house_transfer_id, reason=i.failure)
    elif i.withdrawal_id is not None:
        transfers.hold_again(withdrawal_id=i.withdrawal_id, after=i, given_back=given_back, now=now)
    else:
        settling.reopen(chain=chain, instruction=i, now=now)


def _tell(i: Instruction, kind: str) -> None:
    """To the client where it is the client's payment, else to the house."""
    if i.whole_id is not None:
        splitting.tell_part(i, kind)
        return
    account = i.account
    if account is None or i.returns_id is not None:
        _tell_house(i, kind, {"amount": money.text(i.amount), "asset": i.asset_id})
        return
    events.record(
        kind,
        subject_type="instruction",
        subject_id=i.id,
        client_id=account.owner_id,
        account_id=account.id,
        public=describing.describe_instruction(i),
        house={"reference": i.rail_reference, "reason": i.failure},
    )


def _tell_house(i: Instruction, kind: str, house: dict[str, object]) -> None:
    events.record(kind, subject_type="instruction", subject_id=i.id, house={"reference": i.end_to_end_id, **house})
