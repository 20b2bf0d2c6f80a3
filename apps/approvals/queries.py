from uuid import UUID

from django.db.models import QuerySet

from apps.core.errors import NotFound

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
    return Approval.objects.filter(status=ApprovalStatus.REQUESTED).order_by("requested_at")


def find_open(kind: str, subject_id: UUID) -> Approval | None:
    return Approval.objects.filter(kind=kind, subject_id=subject_id, status=ApprovalStatus.REQUESTED).first()
