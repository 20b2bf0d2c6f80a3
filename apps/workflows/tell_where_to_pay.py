"""Where clients pay us changes by two people."""

from datetime import datetime
from uuid import UUID

from apps.approvals.models import Approval
from apps.core.actor import Actor
from apps.core.unit import use_case
from apps.settlement.operations import ways_in
from apps.settlement.operations.ways_in import Told
from apps.users import rules as roles


@use_case
def request_pay_to(*, actor: Actor, nostro_id: UUID, told: Told, reason: str, now: datetime) -> Approval:
    """Ask that clients be told otherwise; finance answers.

    :raises AppError: RoleMissing, NotFound, BadPayTo, ApprovalOpen
    """
    roles.require_may(actor.roles, ways_in.ACT)
    return ways_in.ask(maker=actor, nostro_id=nostro_id, told=told, reason=reason.strip()[:200], now=now)
