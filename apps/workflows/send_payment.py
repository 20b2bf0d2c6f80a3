"""A released payment leaves: the intent is committed, the rail is called outside, its answer is recorded."""

from datetime import datetime
from uuid import UUID

from apps.core.unit import step, use_case
from apps.settlement.models import Instruction
from apps.settlement.operations import housing, instructions, payments, reports
from apps.settlement.queries.locks import Chain, lock_instruction
from apps.settlement.rules.rail import Answer, Outcome, Payment
from apps.settlement.states import InstructionStatus

from . import watch_client_money


@use_case
def begin_sending(*, instruction_id: UUID, now: datetime) -> Payment | None:
    """RELEASED → SENDING with what the rail is to be told; None when the gate closed (BLOCKED) or someone was faster."""
    _, payment, _ = payments.begin_sending(instruction_id=instruction_id, now=now)
    return payment


@use_case
def record_answer(
    *, instruction_id: UUID, answer: Answer, final: bool = False, source: str = "ANSWER", message: str = "", now: datetime
) -> Instruction:
    """SENDING or UNKNOWN → SENT, FAILED, or UNKNOWN where no answer came. It is never sent again.

    A rail that keeps a record of each payment may still refuse what it had taken on: SENT → FAILED, as long as nothing of it is booked.

    :param final: the answer to a status request, so that NOT_FOUND means it was never paid and never will be
    :param source: how it came: ANSWER to the sending itself, POLL, or CALLBACK with the id of its `message`
    """
    return take_answer(instruction_id=instruction_id, answer=answer, final=final, source=source, message=message, now=now)


@step
def take_answer(*, instruction_id: UUID, answer: Answer, final: bool, source: str, message: str, now: datetime) -> Instruction:
    """What `record_answer` does, inside another story."""
    chain = payments.lock_for(instruction_id=instruction_id)
    i = chain.instructions[instruction_id]
    if not reports.note(instruction=i, answer=answer, source=source, message=message, now=now):
        return i
    other = answer.amount is not None and answer.amount != i.amount
    if other and answer.outcome is not Outcome.REJECTED:  # what it has under our key is not what we asked for
        reports.contradict(instruction=i, answer=answer)
        answer, final = Answer(Outcome.UNKNOWN), False
    if i.status not in {InstructionStatus.SENDING, InstructionStatus.UNKNOWN}:
        return _take_later(chain, i, answer, now)
    if answer.outcome is Outcome.ACCEPTED:
        watch_client_money.look_after(entity_id=i.entity_id, asset=i.asset_id, now=now)
        return payments.mark_sent(chain=chain, instruction_id=instruction_id, reference=answer.reference, now=now)
    if answer.outcome is Outcome.REJECTED or (final and answer.outcome is Outcome.NOT_FOUND):
        reason = answer.reason or "the rail never got it"
        return payments.mark_failed(chain=chain, instruction_id=instruction_id, reason=reason, now=now)
    if i.status == InstructionStatus.SENDING:
        payments.mark_unknown(instruction=i)
    return i


def _take_later(chain: Chain, i: Instruction, answer: Answer, now: datetime) -> Instruction:
    """A word on a payment that has an answer already: a refusal ends it while nothing of it is booked; what cannot be is a person's.

    One that has FAILED and goes on at its rail, in any stage, keeps the next attempt back (EARLIER_ATTEMPT_LIVES).
    """
    if not answer.version:
        return i
    refused = answer.outcome is Outcome.REJECTED
    open_still = i.status == InstructionStatus.SENT and not i.settled_amount
    if refused and open_still and (i.house_transfer_id is None or housing.let_go(transfer_id=i.house_transfer_id, now=now)):
        return payments.mark_failed(chain=chain, instruction_id=i.id, reason=answer.reason, now=now)
    paid = i.status in {InstructionStatus.SENT, InstructionStatus.SETTLED}
    if (refused and paid) or (answer.outcome is Outcome.ACCEPTED and i.status == InstructionStatus.FAILED):
        reports.contradict(instruction=i, answer=answer)
    return i


@use_case
def review_payment(*, instruction_id: UUID, now: datetime) -> list[str]:
    """READY ⇄ BLOCKED by the gate as it stands; the codes that block."""
    i = lock_instruction(instruction_id)
    if i.status not in {InstructionStatus.READY, InstructionStatus.BLOCKED}:
        return []
    return [str(b.code) for b in instructions.review(instruction=i, now=now)]
