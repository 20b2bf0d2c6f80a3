from django.contrib import admin

from apps.notify.models import Delivery

from .base import BACK_OFFICE, Record


@admin.register(Delivery)
class DeliveryAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("created_at", "recipient", "subject", "channel", "status", "tries", "sent_at")
    list_filter = ("status", "channel")
    search_fields = ("recipient", "subject")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
