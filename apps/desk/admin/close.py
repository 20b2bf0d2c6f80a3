from django.contrib import admin

from apps.close.models import BusinessDay, Proof

from .base import BACK_OFFICE, Record, Rows


class Proofs(Rows):
    model = Proof


@admin.register(BusinessDay)
class BusinessDayAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("date", "entity", "status", "closed_at")
    list_filter = ("status",)
    date_hierarchy = "date"
    list_select_related = ("entity",)
    inlines = (Proofs,)
