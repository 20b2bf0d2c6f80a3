from django.contrib import admin

from apps.notify.models import Attempt, Delivery, Endpoint, Post, SigningKey
from apps.notify.queries.webhooks import host_of

from .base import BACK_OFFICE, Record, Rows


@admin.register(Delivery)
class DeliveryAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("created_at", "recipient", "subject", "channel", "status", "tries", "sent_at")
    list_filter = ("status", "channel")
    search_fields = ("recipient", "subject")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)


class KeyRows(Rows):
    model = SigningKey
    hidden = ("id", "sealed", "public_key")
    show_change_link = False


class AttemptRows(Rows):
    model = Attempt


@admin.register(Endpoint)
class EndpointAdmin(Record):
    roles = BACK_OFFICE
    hidden = ("url",)  # its path can be a secret of the client's
    list_display = ("client", "host", "status", "ordered", "failures", "failing_since", "last_seq", "created_at")
    list_filter = ("status", "ordered")
    list_select_related = ("client",)
    search_fields = ("client__code",)
    ordering = ("client__code", "created_at")
    inlines = (KeyRows,)

    def host(self, endpoint: Endpoint) -> str:
        return host_of(endpoint)


@admin.register(Post)
class PostAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("created_at", "endpoint", "event", "seq", "status", "tries", "attempts", "next_try_at", "sent_at")
    list_filter = ("status",)
    list_select_related = ("endpoint", "event")
    search_fields = ("=event__kind", "=object_id")
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    inlines = (AttemptRows,)


@admin.register(SigningKey)
class SigningKeyAdmin(Record):
    roles = BACK_OFFICE
    hidden = ("sealed", "public_key")
    list_display = ("endpoint", "generation", "scheme", "created_at", "expires_at")
    list_select_related = ("endpoint",)
    ordering = ("-created_at",)


@admin.register(Attempt)
class AttemptAdmin(Record):
    roles = BACK_OFFICE
    list_display = ("began_at", "post", "number", "status_code", "error", "took_ms")
    list_filter = ("error",)
    list_select_related = ("post",)
    ordering = ("-began_at",)
