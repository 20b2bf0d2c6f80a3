"""Ask, decide, finish. What an approval executes is named in settings.APPROVALS and run by workflows.decide_approval."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from apps.core import db, ids
from apps.core.actor import Actor
from apps.core.unit import step
from apps.events import operations as events

from . import queries
from .errors import ApprovalOpen, NotAChecker, SameHands
from .models import Approval
from .states import APPROVAL, ApprovalStatus


def payload_hash(payload: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@step
def request(
    *,
    kind: str,
    subject_type: str,
    subject_id: UUID,
    subject_version: str,
    title: str,
    payload: Mapping[str, Any],
    maker: Actor,
    checker_roles: Iterable[str],
    now: datetime,
    before: Mapping[str, Any] | None = None,
    lives: timedelta = timedelta(days=3),
) -> Approval:
    """Ask for a second pair of eyes.

    :param subject_version: what the subject was when asked; executing compares it again
    :raises ApprovalOpen: the same is asked already
    """
    assert maker.id is not None, "an approval has a maker with a name"
    made = Approval(
        id=ids.uuid7(),
        kind=kind,
        subject_type=subject_type,
        subject_id=subject_id,
        subject_version=subject_version,
        title=title,
        payload=dict(payload),
        payload_hash=payload_hash(payload),
        before=dict(before or {}),
        checker_roles=sorted(checker_roles),
        maker_id=maker.id,
        maker_name=maker.name,
        requested_at=now,
        expires_at=now + lives,
    )
    with db.refuse_on("approval_one_open", ApprovalOpen(title)):
        db.insert(made)
    events.record(
        "approval.requested", subject_type="approval", subject_id=made.id, house={"kind": kind, "title": title, "about": str(subject_id)}
    )
    return made


@step
def decide(*, approval_id: UUID, checker: Actor, approve: bool, comment: str, now: datetime) -> Approval:
    """REQUESTED → APPROVED or REJECTED.

    :raises SameHands: the checker made it
    :raises NotAChecker: the checker's roles do not check this
    :raises IllegalMove: it was decided already
    """
    approval = queries.lock_approval(approval_id)
    if checker.id is None or checker.id == approval.maker_id:
        raise SameHands(approval.title)
    if not checker.roles & set(approval.checker_roles):
        raise NotAChecker(f"{approval.title}: {', '.join(approval.checker_roles)}")
    expired = approval.expires_at is not None and now >= approval.expires_at
    APPROVAL.move(approval, ApprovalStatus.EXPIRED if expired else ApprovalStatus.APPROVED if approve else ApprovalStatus.REJECTED)
    approval.checker_id, approval.checker_name, approval.comment, approval.decided_at = checker.id, checker.name, comment, now
    approval.save(update_fields=["status", "checker_id", "checker_name", "comment", "decided_at"])
    events.record(
        f"approval.{approval.status.lower()}",
        subject_type="approval",
        subject_id=approval.id,
        house={"kind": approval.kind, "title": approval.title, "comment": comment},
    )
    return approval


@step
def finish(*, approval: Approval, status: ApprovalStatus, comment: str = "") -> None:
    """APPROVED → EXECUTED, FAILED or STALE, in the checker's transaction."""
    APPROVAL.move(approval, status)
    if comment:
        approval.comment = comment[:500]
    approval.save(update_fields=["status", "comment"])
    events.record(
        f"approval.{status.lower()}",
        subject_type="approval",
        subject_id=approval.id,
        house={"kind": approval.kind, "comment": comment[:500]},
    )
