"""A transaction that hangs on its chain is replaced: the intent is committed, the rail is called outside, its answer is recorded."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.approvals.models import Approval
from apps.core.actor import Actor
from apps.core.unit import use_case
from apps.settlement import queries as settlement
from apps.settlement.errors import NotReplaceable
from apps.settlement.models import Replacement
from apps.settlement.operations import replacing
from apps.settlement.rails import get_rail
from apps.settlement.rules.rail import Answer
from apps.users import rules as roles


@use_case
def request_replacement(*, actor: Actor, instruction_id: UUID, fee: Decimal, reason: str, now: datetime) -> Approval | Replacement:
    """One of operations asks for a higher fee; within the rail's first band nobody else is needed.

    :param fee: the whole network fee of the new transaction, ours
    :raises AppError: RoleMissing, NotFound, NotReplaceable, Blocked, ApprovalOpen
    """
    roles.require_may(actor.roles, replacing.ACT)
    i = settlement.get_instruction(instruction_id, actor=actor)
    if not hasattr(get_rail(i.nostro.rail_id, i.nostro.rail.kind), "replace"):
        raise NotReplaceable(f"{i.nostro.rail_id} replaces no transaction: ask who keeps the wallet")
    return replacing.ask(maker=actor, instruction_id=i.id, fee=fee, reason=reason, now=now)


@use_case
def begin_replacing(*, replacement_id: UUID, now: datetime) -> tuple[str, int, Decimal] | None:
    """READY → SENDING with what the rail is to be told; None where it is not needed any more."""
    return replacing.begin(replacement_id=replacement_id, now=now)


@use_case
def record_replacement(*, replacement_id: UUID, answer: Answer, now: datetime) -> Replacement:
    """SENDING, UNKNOWN → SENT, REFUSED or UNKNOWN."""
    return replacing.record(replacement_id=replacement_id, answer=answer, now=now)


@use_case
def note_stuck(*, instruction_id: UUID, now: datetime) -> bool:
    """It hangs: operations are told, once for each of its transactions."""
    return replacing.note_stuck(instruction_id=instruction_id, now=now)
