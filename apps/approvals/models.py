from django.db import models
from django.db.models import F, Q

from apps.core.db import Row

from .states import ApprovalStatus


class Approval(Row):
    """What a maker asks for; executed in the checker's transaction, if what it was asked on is still so."""

    kind = models.CharField(max_length=60)  # a key of settings.APPROVALS
    subject_type = models.CharField(max_length=40)
    subject_id = models.UUIDField()
    subject_version = models.CharField(max_length=80)
    title = models.CharField(max_length=200)
    payload = models.JSONField()
    payload_hash = models.CharField(max_length=64)
    before = models.JSONField(default=dict)  # side by side with the payload on the checker's screen
    status = models.CharField(max_length=12, choices=[(s, s) for s in ApprovalStatus], default=ApprovalStatus.REQUESTED)
    checker_roles = models.JSONField(default=list)  # whoever may sign at all
    slots = models.JSONField(default=list)  # where more than one signs: the roles of each signature; empty: one, of `checker_roles`
    maker_id = models.UUIDField()
    maker_name = models.CharField(max_length=120)
    checker_id = models.UUIDField(null=True)
    checker_name = models.CharField(max_length=120, blank=True)
    comment = models.CharField(max_length=500, blank=True)
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(checker_id__isnull=True) | ~Q(checker_id=F("maker_id")), name="approval_four_eyes"),
            models.CheckConstraint(
                condition=Q(status__in=["REQUESTED", "WITHDRAWN", "EXPIRED"]) | Q(checker_id__isnull=False), name="approval_has_checker"
            ),
            models.UniqueConstraint(fields=["kind", "subject_id"], condition=Q(status="REQUESTED"), name="approval_one_open"),
        ]
        indexes = [models.Index(fields=["status", "requested_at"], name="approval_queue")]


class Signature(Row):
    """One of several checkers' yes; the last one is the decision itself and stands on the approval."""

    append_only = True

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="signatures")
    slot = models.SmallIntegerField()
    checker_id = models.UUIDField()
    checker_name = models.CharField(max_length=120)
    comment = models.CharField(max_length=500, blank=True)
    signed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["approval", "slot"], name="signature_slot_once"),
            models.UniqueConstraint(fields=["approval", "checker_id"], name="signature_person_once"),
        ]
