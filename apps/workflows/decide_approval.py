"""The second pair of eyes: an approval is executed in the checker's transaction, if what it was asked on is still so."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.approvals.states import ApprovalStatus
from apps.core import unit
from apps.core.actor import Actor
from apps.core.errors import AppError, Busy, Rejected
from apps.core.unit import use_case


class UnknownApproval(Rejected):
    """settings.APPROVALS names nothing for this kind."""

    code, title = "unknown_approval", "Nothing is executed for this kind of approval"


@use_case
def decide_approval(*, approval_id: UUID, actor: Actor, approve: bool, comment: str = "", now: datetime) -> Approval:
    """Approve (and execute) or reject. A refusal while executing ends the approval FAILED with the reason, and undoes what it had done.

    :raises AppError: NotFound, SameHands, NotAChecker, IllegalMove
    """
    approval = approvals.decide(approval_id=approval_id, checker=actor, approve=approve, comment=comment, now=now)
    if approval.status == ApprovalStatus.APPROVED:
        status, why = _execute(approval, actor, now)
        approvals.finish(approval=approval, status=status, comment=why)
    if approval.status not in {ApprovalStatus.REQUESTED, ApprovalStatus.EXECUTED}:
        _refused(approval, now)
    return approval


def _refused(approval: Approval, now: datetime) -> None:
    """What was only asked for ends with its request, where its kind has something to end."""
    entry = settings.APPROVALS.get(approval.kind, {})
    if "refused" in entry:
        import_string(entry["refused"])(approval=approval, now=now)


def _execute(approval: Approval, checker: Actor, now: datetime) -> tuple[ApprovalStatus, str]:
    entry = settings.APPROVALS.get(approval.kind)
    if entry is None:
        raise UnknownApproval(approval.kind)
    if approvals.payload_hash(approval.payload) != approval.payload_hash:
        return ApprovalStatus.FAILED, "the payload is not what was asked"
    run = unit.current()
    late, bags = list(run.late), {name: list(items) for name, items in run.bags.items()}
    try:
        with transaction.atomic():  # a savepoint: a refusal undoes the effect, not the decision
            version: Callable[..., str] = import_string(entry["version"])
            if version(approval) != approval.subject_version:
                return ApprovalStatus.STALE, "what it was asked on has changed"
            execute: Callable[..., Any] = import_string(entry["execute"])
            execute(approval=approval, checker=checker, now=now)
    except Busy:
        raise
    except AppError as no:
        run.late[:] = late
        run.bags.clear()
        run.bags.update(bags)
        return ApprovalStatus.FAILED, no.detail
    return ApprovalStatus.EXECUTED, ""
