from django.contrib import admin

from apps.events.models import Cursor, Event, Failure

from .base import Record

_SEES = frozenset({"operations", "risk", "compliance", "auditor", "admin"})


@admin.register(Event)
class EventAdmin(Record):
    """The audit trail: append-only, by the database too."""

    roles = frozenset({"compliance", "auditor"})
    list_display = ("recorded_at", "kind", "subject_type", "actor_name", "client_seq", "effective_at")
    list_filter = ("subject_type", "actor_kind")
    search_fields = ("=subject_id", "=kind", "=request_id")
    ordering = ("-position",)


@admin.register(Failure)
class FailureAdmin(Record):
    roles = _SEES
    list_display = ("failed_at", "subscriber", "error")
    list_filter = ("subscriber",)
    date_hierarchy = "failed_at"


@admin.register(Cursor)
class CursorAdmin(Record):
    roles = _SEES
    list_display = ("subscriber", "position", "updated_at", "failures", "last_error")
