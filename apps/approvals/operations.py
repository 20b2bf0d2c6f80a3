"""Ask, decide, finish. What an approval executes is named in settings.APPROVALS and run by workflows.decide_approval."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from apps.core import db, ids
from apps.core.actor import Actor
from apps.core.unit import step
from apps.events import operations as events

from . import queries, rules
from .errors import ApprovalOpen, NotAChecker, SameHands
from .models import Approval, Signature
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
    also: Sequence[Iterable[str]] = (),
) -> Approval:
    """Ask for a second pair of eyes, or for more.

    :param checker_roles: one of these checks
    :param also: one more signature for each, by another person of one of its roles; all are needed, in any order
    :param subject_version: what the subject was when asked; executing compares it again
    :raises ApprovalOpen: the same is asked already
    """
    assert maker.id is not None, "an approval has a maker with a name"
    slots = [sorted(one) for one in (checker_roles, *also)]
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
        checker_roles=sorted({role for slot in slots for role in slot}),
        slots=slots if also else [],
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
    """REQUESTED → APPROVED or REJECTED; still REQUESTED after a yes while other signatures are missing.

    :raises SameHands: the checker made it, or has signed it
    :raises NotAChecker: the checker's roles do not check this
    :raises IllegalMove: it was decided already
    """
    approval = queries.lock_approval(approval_id)
    if checker.id is None or checker.id == approval.maker_id:
        raise SameHands(approval.title)
    slots, taken = queries.read_slots(approval)
    if checker.id in taken.values():
        raise SameHands(f"{approval.title}: somebody else signs beside you")
    slot = rules.find_slot(slots, taken, checker.roles)
    if slot is None:
        wanted = " and ".join(", ".join(slots[n]) for n in rules.missing(slots, taken))
        raise NotAChecker(f"{approval.title}: {wanted}")
    expired = approval.expires_at is not None and now >= approval.expires_at
    if approve and not expired and len(rules.missing(slots, taken)) > 1 and approval.status == ApprovalStatus.REQUESTED:
        return _sign(approval, slot, checker, comment, now)
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


def _sign(approval: Approval, slot: int, checker: Actor, comment: str, now: datetime) -> Approval:
    assert checker.id is not None
    signed = Signature(
        id=ids.uuid7(), approval=approval, slot=slot, checker_id=checker.id, checker_name=checker.name, comment=comment, signed_at=now
    )
    db.insert(signed)
    events.record(
        "approval.signed",
        subject_type="approval",
        subject_id=approval.id,
        house={"kind": approval.kind, "title": approval.title, "comment": comment},
    )
    return approval


@step
def withdraw(*, approval_id: UUID, comment: str, now: datetime) -> bool:
    """REQUESTED → WITHDRAWN: whom it was for, or who asked, acts no more. Whether it was open still."""
    approval = queries.lock_approval(approval_id)
    if approval.status != ApprovalStatus.REQUESTED:
        return False
    APPROVAL.move(approval, ApprovalStatus.WITHDRAWN)
    approval.comment, approval.decided_at = comment, now
    approval.save(update_fields=["status", "comment", "decided_at"])
    house = {"kind": approval.kind, "title": approval.title, "comment": comment}
    events.record("approval.withdrawn", subject_type="approval", subject_id=approval.id, house=house)
    return True


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
