"""Release of payments: asked by one of operations, answered by another (decide_approval)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from apps.approvals.models import Approval
from apps.core.actor import Actor
from apps.core.unit import step, use_case
from apps.settlement.models import Instruction, ReleaseStop
from apps.settlement.operations import release
from apps.users import rules as roles
from apps.users.errors import RoleMissing


@use_case
def request_release(
    *, actor: Actor, instruction_ids: Sequence[UUID], overrides: Mapping[str, str] | None = None, now: datetime
) -> Approval:
    """Ask for the release of a batch.

    :param overrides: SOFT blocker → reason
    :raises RoleMissing: not operations
    :raises AppError: NothingToRelease, NotOverridable, Blocked
    """
    _require_operations(actor)
    return release.ask(maker=actor, instruction_ids=instruction_ids, overrides=overrides or {}, now=now)


@use_case
def recall_release(*, actor: Actor, instruction_id: UUID, reason: str, now: datetime) -> Instruction:
    """RELEASED → READY, before it was sent."""
    _require_operations(actor)
    return release.recall(instruction_id=instruction_id, actor=actor, reason=reason)


@use_case
def stop_releases(*, actor: Actor, reason: str, now: datetime) -> ReleaseStop:
    """On: one person, at once."""
    if not roles.may_make(actor.roles, "halt_on"):
        raise RoleMissing("operations, risk or a trader stop releases")
    return release.stop(actor=actor, reason=reason, now=now)


@use_case
def resume_releases(*, actor: Actor, now: datetime) -> int:
    """Off: a second person.

    :raises ReleaseStopped: the one who threw it
    """
    if not roles.may_make(actor.roles, "halt_off"):
        raise RoleMissing("operations, risk or a trader resume releases")
    return release.resume(actor=actor, now=now)


@step
def _require_operations(actor: Actor) -> None:
    if not roles.may_make(actor.roles, "release"):
        raise RoleMissing("operations release payments")
