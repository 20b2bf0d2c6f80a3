from django.contrib import admin

from apps.ledger.models import Hold, LedgerAccount, LedgerLine, LedgerTransaction

from .base import BACK_OFFICE, Record, Rows


class Lines(Rows):
    model = LedgerLine


@admin.register(LedgerTransaction)
class LedgerTransactionAdmin(Record):
    """Immutable; every one sums to zero per asset."""

    roles = BACK_OFFICE
    list_display = ("effective_at", "kind", "source_type", "narrative", "business_date", "key")
    list_filter = ("kind", "source_type")
    search_fields = ("key", "narrative", "=source_id")
    date_hierarchy = "effective_at"
    ordering = ("-effective_at",)
    inlines = (Lines,)


@admin.register(LedgerAccount)
class LedgerAccountAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("kind", "asset_code", "amount", "held", "designation", "owner_id", "book_id", "version")
    list_filter = ("kind", "asset_code", "designation")
    search_fields = ("=owner_id", "=id")


@admin.register(Hold)
class HoldAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("created_at", "account", "amount", "status", "source_type", "ended_at")
    list_filter = ("status", "source_type")
    list_select_related = ("account",)
    date_hierarchy = "created_at"
