"""Names against the lists: a member's when they are named, every party's and member's once more when a list has new entries.

A member whose name is found does nothing until compliance has decided, in four eyes and on evidence: keys and sockets of theirs answer no
more, and what waited for a second member ends. A party's payments wait at the gate (SCREENING). Each finding is an alert of compliance.
"""

from datetime import datetime
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import operations as clients
from apps.clients import queries
from apps.clients.models import Member
from apps.compliance import operations as compliance
from apps.compliance.models import Screening
from apps.compliance.rules import Finding
from apps.compliance.states import AlertRule
from apps.core.actor import Actor
from apps.core.errors import Rejected
from apps.core.unit import step, use_case
from apps.settlement.queries import housing
from apps.users import rules as people

from . import asked_for

KIND, ACT = "member_clear", "client_clear"  # who makes and checks it: users.rules.ACTS
WHY = "the member acts no more for now"


class BadClearance(Rejected):
    """`pointer` names the field."""

    code, title = "bad_clearance", "A member cannot be cleared so"


@step
def screen_member(*, member: Member, now: datetime) -> Screening:
    """Look a member up; one whom the lists know, and nobody has cleared of just that, acts no more."""
    found = compliance.screen_again(subject_type="member", subject_id=member.id, name=member.name, now=now)
    if found.result == "HIT":
        _tell(found, member.counterparty_id, f"{member.name} of {member.counterparty.name}", now)
        if member.stopped_at is None:
            asked_for.lock_member(member.id)
        if clients.stop_member(member_id=member.id, now=now):
            asked_for.withdraw(member_id=member.id, why=WHY, now=now)
            asked_for.end_requests(member_id=member.id, why=WHY, now=now)
    return found


@step
def screen_owner(*, transfer_id: UUID, owner: str, now: datetime) -> Screening:
    """Look up the owner of the house to whom a transfer of capital goes; one whom the lists know holds its payment back."""
    found = compliance.screen_again(subject_type="house_transfer", subject_id=transfer_id, name=owner, now=now)
    if found.result == "HIT":
        said, cause = f"{owner}, an owner of the house: {found.found}"[:300], f"{transfer_id} {compliance.digest(found.matches)}"
        compliance.raise_alert(finding=Finding(AlertRule.LISTED_NAME, cause, said, "house_transfer", transfer_id), now=now)
    return found


@use_case
def screen_once_more(*, subject_type: str, subject_id: UUID, now: datetime) -> Screening | None:
    """A name that was looked up before the lists had what they have now; None for who has left meanwhile.

    :param subject_type: counterparty, member, or house_transfer: the owner of the house to whom it goes
    """
    if subject_type == "house_transfer":
        return screen_owner(transfer_id=subject_id, owner=housing.lock(subject_id).owner_name, now=now)
    if subject_type == "member":
        member = queries.find_open_member(subject_id)
        return None if member is None else screen_member(member=member, now=now)
    party = queries.get_counterparty(subject_id)
    found = compliance.screen_again(subject_type="counterparty", subject_id=party.id, name=party.name, now=now)
    if found.result == "HIT":
        _tell(found, party.id, party.name, now)
    return found


@use_case
def ask_member_clearance(*, actor: Actor, member_id: UUID, evidence: str, now: datetime) -> Approval:
    """Ask another person of compliance that a member act again: it is not who the lists mean.

    :param evidence: what shows it, in 10 to 300 characters
    :raises RoleMissing: not of compliance
    :raises NotFound: no such member, or closed
    :raises BadClearance: nothing holds the member back, or no evidence
    :raises ApprovalOpen: it is asked already
    """
    people.require_may(actor.roles, ACT)
    member = queries.get_member_by_id(member_id)
    if member.stopped_at is None:
        raise BadClearance(f"nothing holds {member.name} back", pointer="member")
    require_evidence(evidence, bad=BadClearance)
    screened = compliance.screen(subject_type="member", subject_id=member.id, name=member.name, now=now)
    return approvals.request(
        kind=KIND,
        subject_type="member",
        subject_id=member.id,
        subject_version=member.stopped_at.isoformat(),
        title=f"{member.name} of {member.counterparty.name} acts despite the lists"[:200],
        payload={"client": member.counterparty.code, "member": member.name, "screening": screened.found, "evidence": evidence},
        maker=actor,
        checker_roles=people.ACTS[ACT][1],
        now=now,
    )


def version(approval: Approval) -> str:
    member = queries.lock_member(approval.subject_id)
    return "acts" if member.stopped_at is None or member.closed_at is not None else member.stopped_at.isoformat()


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """What an approved request of kind "member_clear" does: what was matched is decided, and the member acts again.

    :raises BadClearance: the lists say something else of the name than when it was asked
    """
    member = queries.get_member_by_id(approval.subject_id)
    decide(approval=approval, subject_type="member", name=member.name, bad=BadClearance, now=now)
    clients.resume_member(member_id=member.id, reason=f"cleared by compliance, approval {approval.id}")


def require_evidence(evidence: str, *, bad: type[Rejected]) -> None:
    if not 10 <= len(evidence) <= 300:
        raise bad("what shows that it is not who the lists mean, in 10 to 300 characters", pointer="evidence")


@step
def decide(*, approval: Approval, subject_type: str, name: str, bad: type[Rejected], now: datetime) -> None:
    """What the lists say of a name holds nothing back any more: two of compliance have decided on it.

    :param bad: what it is refused with, where the lists say something else than when it was asked
    """
    asked = approval.payload
    evidence = f"{asked['evidence']} (approval {approval.id})"
    said = compliance.clear_name(subject_type=subject_type, subject_id=approval.subject_id, name=name, evidence=evidence, now=now)
    if said.found != asked["screening"]:
        raise bad(f"the lists say {said.found} now, and it was asked with {asked['screening']}")


@step
def _tell(found: Screening, client_id: UUID, who: str, now: datetime) -> None:
    said, named = f"{who}: {found.found}"[:300], queries.get_counterparty(client_id).name
    cause = f"{found.subject_id} {compliance.digest(found.matches)}"
    finding = Finding(AlertRule.LISTED_NAME, cause, said, found.subject_type, found.subject_id, client_id, named)
    compliance.raise_alert(finding=finding, now=now)
