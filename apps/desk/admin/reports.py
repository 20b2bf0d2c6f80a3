from django.contrib import admin

from apps.reports.models import ReportRun

from .base import BACK_OFFICE, Record


@admin.register(ReportRun)
class ReportRunAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("report", "scope", "business_date", "version", "status", "number", "done_at")
    list_filter = ("report", "status")
    search_fields = ("scope", "number")
    date_hierarchy = "business_date"
