"""Release of payments: asked by one of operations, answered by another (decide_approval)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from apps.approvals.models import Approval
from apps.clients import queries as clients
from apps.core.actor import SYSTEM, Actor
from apps.core.unit import step, use_case
from apps.settlement import queries as settlement
from apps.settlement.models import Instruction, ReleaseStop
from apps.settlement.operations import bands, release, unknown
from apps.settlement.rules.bands import Band
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
def release_by_itself(*, instruction_id: UUID, now: datetime) -> Instruction | None:
    """A leg within its rail's straight-through band leaves without people, when nothing blocks it; None: it waits for them."""
    account_id = settlement.get_instruction(instruction_id, actor=SYSTEM).account_id
    if account_id is not None:
        clients.lock_account(account_id)
    return release.release_by_itself(instruction_id=instruction_id, now=now)


@use_case
def request_band(*, actor: Actor, rail_code: str, band: Band, reason: str, now: datetime) -> Approval:
    """Ask that more or fewer people let the payments of a rail go; risk answers.

    :raises AppError: RoleMissing, NotFound, BadBand, NobodyToCheck, ApprovalOpen
    """
    roles.require_may(actor.roles, bands.ACT)
    return bands.ask(maker=actor, rail_code=rail_code, band=band, reason=reason, now=now)


@use_case
def request_unknown_end(*, actor: Actor, instruction_id: UUID, outcome: str, evidence: str, now: datetime) -> Approval:
    """Ask to end a payment without an answer by hand, with evidence; another one of operations answers.

    :param outcome: PAID or NOT_PAID
    :raises AppError: RoleMissing, NotFound, NotUnknown, ApprovalOpen
    """
    roles.require_may(actor.roles, unknown.ACT)
    found = settlement.get_instruction(instruction_id, actor=actor)
    return unknown.ask(maker=actor, instruction=found, outcome=outcome, evidence=evidence, now=now)


@use_case
def recall_release(*, actor: Actor, instruction_id: UUID, reason: str, now: datetime) -> Instruction:
    """RELEASED → READY, before it was sent. The account's row is held, as by whoever records what became of a part."""
    _require_operations(actor)
    account_id = settlement.get_instruction(instruction_id, actor=actor).account_id
    if account_id is not None:
        clients.lock_account(account_id)
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
