"""What we know about a client is looked at again, by two people; past its date our payments to it wait (KYC_OVERDUE)."""

from datetime import date, datetime
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import operations as clients
from apps.clients import queries
from apps.clients.errors import BadReview
from apps.core.actor import Actor
from apps.core.unit import step, use_case
from apps.users import rules as people

ACT = "client_review"


@use_case
def review_client(*, actor: Actor, client_id: UUID, next_review: date, findings: str, now: datetime) -> Approval:
    """Ask that a review stand, and when the next one is due.

    :raises RoleMissing: not of sales or compliance
    :raises NotFound: no such client
    :raises BadReview: the next one is not ahead, or nothing was found worth writing down
    """
    people.require_may(actor.roles, ACT)
    client = queries.get_counterparty(client_id)
    if next_review <= now.date():
        raise BadReview("the next review lies ahead")
    if not findings:
        raise BadReview("write down what was found")
    before = None if client.review_due is None else client.review_due.isoformat()
    return approvals.request(
        kind=ACT,
        subject_type="client",
        subject_id=client.id,
        subject_version=str(before),
        title=f"Review of {client.name}",
        payload={"review_due": next_review.isoformat(), "findings": findings},
        before={"review_due": before},
        maker=actor,
        checker_roles=people.ACTS[ACT][1],
        now=now,
    )


def version(approval: Approval) -> str:
    due = queries.lock_counterparty(approval.subject_id).review_due
    return str(None if due is None else due.isoformat())


@step
def execute(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """What an approved request of kind "client_review" does (settings.APPROVALS)."""
    clients.set_review(client_id=approval.subject_id, due=date.fromisoformat(approval.payload["review_due"]))
