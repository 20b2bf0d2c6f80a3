from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.core.actor import Actor
from apps.core.errors import NotFound

from . import rules
from .models import Approval
from .states import ApprovalStatus


def lock_approval(approval_id: UUID) -> Approval:
    found = Approval.objects.select_for_update(no_key=True, of=("self",)).filter(id=approval_id).first()
    if found is None:
        raise NotFound("no such approval")
    return found


def get_approval(approval_id: UUID) -> Approval:
    """:raises NotFound: no such approval"""
    found = Approval.objects.filter(id=approval_id).first()
    if found is None:
        raise NotFound("no such approval")
    return found


def list_open() -> QuerySet[Approval]:
    return Approval.objects.filter(status=ApprovalStatus.REQUESTED).order_by("requested_at", "id")


def visible_to(actor: Actor) -> QuerySet[Approval]:
    """Staff see what they made and what their roles check; an auditor all.

    What compliance alone checks stays between its maker, compliance and the auditor.
    """
    if actor.kind != "STAFF" or actor.id is None:
        return Approval.objects.none()
    if "auditor" in actor.roles:
        return Approval.objects.all()
    mine = Q(maker_id=actor.id)
    for role in sorted(actor.roles):
        mine |= Q(checker_roles__contains=[role])
    if actor.roles & {"operations", "risk", "finance", "admin"}:
        mine |= ~Q(checker_roles__contained_by=["compliance"])
    return Approval.objects.filter(mine)


def list_made_by_members(maker_ids: Iterable[UUID], kinds: Iterable[str]) -> QuerySet[Approval]:
    """What members of one client have asked for."""
    return Approval.objects.filter(maker_id__in=list(maker_ids), kind__in=list(kinds))


def list_open_of(maker_id: UUID, *, subject_ids: Iterable[UUID] = (), member_id: UUID | None = None) -> list[Approval]:
    """Open requests by a person, about certain things, or for a member of a client (a key of theirs that was asked for)."""
    theirs = Q(maker_id=maker_id) | Q(subject_id__in=list(subject_ids))
    if member_id is not None:
        theirs |= Q(payload__member_id=str(member_id))
    return list(Approval.objects.filter(theirs, status=ApprovalStatus.REQUESTED).order_by("id"))


def list_open_by(maker_id: UUID, kinds: Iterable[str]) -> list[Approval]:
    """Open requests of some kinds by a person."""
    return list(Approval.objects.filter(maker_id=maker_id, kind__in=list(kinds), status=ApprovalStatus.REQUESTED).order_by("id"))


def get_visible(approval_id: UUID, *, actor: Actor) -> Approval:
    """
    :raises NotFound: there is none, or it is not for this person's eyes
    """
    found = visible_to(actor).filter(id=approval_id).first()
    if found is None:
        raise NotFound("no such approval")
    return found


def count_waiting_for(actor: Actor) -> int:
    """Open requests that this person may decide."""
    assert actor.id is not None, "a checker has a name"
    waiting = visible_to(actor).filter(status=ApprovalStatus.REQUESTED).exclude(maker_id=actor.id)
    return sum(1 for one in waiting.prefetch_related("signatures") if may_decide(one, actor))


def read_slots(approval: Approval) -> tuple[list[list[str]], dict[int, UUID]]:
    """The roles of each signature that it needs, and who has given which."""
    return approval.slots or [approval.checker_roles], {one.slot: one.checker_id for one in approval.signatures.all()}


def may_decide(approval: Approval, actor: Actor) -> bool:
    """Whether a yes or no of this person would count now."""
    slots, taken = read_slots(approval)
    is_open = approval.status == ApprovalStatus.REQUESTED and actor.id not in {approval.maker_id, *taken.values()}
    return is_open and rules.find_slot(slots, taken, actor.roles) is not None


def describe_missing(approval: Approval) -> list[str]:
    """Who still has to sign, a line each: "operations or risk"."""
    slots, taken = read_slots(approval)
    return [" or ".join(slots[n]) for n in rules.missing(slots, taken)]
