from django.contrib import admin

from apps.compliance.models import ListEntry, Screening

from .base import COMPLIANCE, Record


@admin.register(Screening)
class ScreeningAdmin(Record):
    """Never for sales or traders."""

    roles = COMPLIANCE
    list_display = ("name", "result", "subject_type", "screened_at")
    list_filter = ("result",)
    search_fields = ("name",)
    date_hierarchy = "screened_at"


@admin.register(ListEntry)
class ListEntryAdmin(Record):
    roles = COMPLIANCE
    list_display = ("name", "list_name", "country", "reference")
    list_filter = ("list_name", "country")
    search_fields = ("name", "reference")
