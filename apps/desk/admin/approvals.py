from django.contrib import admin

from apps.approvals.models import Approval

from .base import Record


@admin.register(Approval)
class ApprovalAdmin(Record):
    """The queue with its decisions is on the desk; here is the whole record."""

    roles = frozenset({"risk", "finance", "compliance", "auditor", "admin"})
    list_display = ("title", "kind", "status", "maker_name", "checker_name", "requested_at", "decided_at")
    list_filter = ("status", "kind")
    search_fields = ("title", "maker_name", "checker_name")
    date_hierarchy = "requested_at"
    ordering = ("-requested_at",)
