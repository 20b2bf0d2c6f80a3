"""A payment without an answer ended by hand: one of operations asks with evidence, another one answers. It is never sent again."""

from datetime import datetime

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.core.actor import Actor
from apps.core.unit import step
from apps.settlement.errors import NotUnknown
from apps.settlement.models import Instruction
from apps.settlement.queries.locks import lock_instruction
from apps.settlement.states import InstructionStatus
from apps.users import rules as roles

from . import payments

ACT = "unknown_payment"
ENDS = ("PAID", "NOT_PAID")


@step
def ask(*, maker: Actor, instruction: Instruction, outcome: str, evidence: str, now: datetime) -> Approval:
    """Ask to end an UNKNOWN payment as paid (SENT) or as never paid (FAILED).

    :param evidence: what shows it: the bank's own words, the transaction on the chain
    :raises NotUnknown: it has an answer, or no evidence is named
    """
    locked = lock_instruction(instruction.id)
    if locked.status != InstructionStatus.UNKNOWN:
        raise NotUnknown(f"{locked.end_to_end_id} is {locked.status}")
    if outcome not in ENDS:
        raise NotUnknown(f"{outcome}: one of {', '.join(ENDS)}")
    if not evidence:
        raise NotUnknown("name the evidence")
    return approvals.request(
        kind=ACT,
        subject_type="instruction",
        subject_id=locked.id,
        subject_version=str(locked.status),
        title=f"{locked.end_to_end_id}: {outcome.lower().replace('_', ' ')}",
        payload={"outcome": outcome, "evidence": evidence},
        maker=maker,
        checker_roles=roles.ACTS[ACT][1],
        now=now,
    )


def version(approval: Approval) -> str:
    """Locks all that moves with the payment, then what it is now."""
    chain = payments.lock_for(instruction_id=approval.subject_id)
    return str(chain.instructions[approval.subject_id].status)


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """UNKNOWN → SENT or FAILED. Should a statement show later what was said not to be, the line is a break for a person."""
    chain = payments.lock_for(instruction_id=approval.subject_id)
    evidence = approval.payload["evidence"]
    if approval.payload["outcome"] == "PAID":
        i = chain.instructions[approval.subject_id]
        payments.mark_sent(chain=chain, instruction_id=i.id, reference=i.rail_reference, now=now)
    else:
        payments.mark_failed(chain=chain, instruction_id=approval.subject_id, reason=evidence, now=now)
