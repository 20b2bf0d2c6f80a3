"""A released payment leaves: the intent is committed, the rail is called outside, its answer is recorded."""

from datetime import datetime
from uuid import UUID

from apps.core.unit import use_case
from apps.settlement.models import Instruction
from apps.settlement.operations import instructions, payments
from apps.settlement.queries.locks import lock_instruction
from apps.settlement.rules.rail import Answer, Outcome, Payment
from apps.settlement.states import InstructionStatus


@use_case
def begin_sending(*, instruction_id: UUID, now: datetime) -> Payment | None:
    """RELEASED → SENDING with what the rail is to be told; None when the gate closed (BLOCKED) or someone was faster."""
    _, payment, _ = payments.begin_sending(instruction_id=instruction_id, now=now)
    return payment


@use_case
def record_answer(*, instruction_id: UUID, answer: Answer, final: bool = False, now: datetime) -> Instruction:
    """SENDING or UNKNOWN → SENT, FAILED, or UNKNOWN where no answer came. It is never sent again.

    :param final: the answer to a status request, so that NOT_FOUND means it was never paid and never will be
    """
    chain = payments.lock_for(instruction_id)
    i = chain.instructions[instruction_id]
    if i.status not in {InstructionStatus.SENDING, InstructionStatus.UNKNOWN}:
        return i
    if answer.outcome is Outcome.ACCEPTED:
        return payments.mark_sent(chain=chain, instruction_id=instruction_id, reference=answer.reference, now=now)
    if answer.outcome is Outcome.REJECTED or (final and answer.outcome is Outcome.NOT_FOUND):
        reason = answer.reason or "the rail never got it"
        return payments.mark_failed(chain=chain, instruction_id=instruction_id, reason=reason, now=now)
    if i.status == InstructionStatus.SENDING:
        payments.mark_unknown(instruction=i)
    return i


@use_case
def review_payment(*, instruction_id: UUID, now: datetime) -> list[str]:
    """READY ⇄ BLOCKED by the gate as it stands; the codes that block."""
    i = lock_instruction(instruction_id)
    if i.status not in {InstructionStatus.READY, InstructionStatus.BLOCKED}:
        return []
    return [str(b.code) for b in instructions.review(instruction=i, now=now)]
