from django.contrib import admin

from apps.compliance.models import ListEntry, Screening, TravelMessage, TravelRecord, WalletHost

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


@admin.register(TravelRecord)
class TravelRecordAdmin(Record):
    """Who sends and who receives."""

    roles = COMPLIANCE
    list_display = ("made_at", "subject_type", "version", "source", "faults")
    list_filter = ("subject_type", "source")
    search_fields = ("=subject_id", "=message")
    date_hierarchy = "made_at"


@admin.register(TravelMessage)
class TravelMessageAdmin(Record):
    roles = COMPLIANCE
    list_display = ("record", "vasp_name", "status", "reason", "tries", "answered_at")
    list_filter = ("status",)
    search_fields = ("vasp_name", "=vasp_lei")
    list_select_related = ("record",)


@admin.register(WalletHost)
class WalletHostAdmin(Record):
    roles = COMPLIANCE
    list_display = ("address", "version", "vasp_name", "vasp_lei", "evidence", "set_at")
    search_fields = ("=address", "vasp_name", "=vasp_lei")
