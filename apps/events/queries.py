"""Reading the event table: one client's in sequence, one subject's, and all in commit order."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from apps.core import db
from apps.core.actor import Actor

from .models import Event


def list_for_client(*, actor: Actor, after_seq: int, limit: int) -> list[Event]:
    """A client's own events after `after_seq` (exclusive), in order."""
    return list(Event.objects.filter(client_id=actor.client_id, client_seq__gt=after_seq).order_by("client_seq")[:limit])


def top_seq(client_id: UUID) -> int:
    """The client's last sequence number; 0 when it has none."""
    row = db.first("SELECT last_seq FROM events_counter WHERE client_id = %s", (client_id,))
    return int(row[0]) if row else 0


def list_for_subjects(subject_ids: Iterable[UUID]) -> QuerySet[Event]:
    """Everything that happened to these subjects, oldest first."""
    return Event.objects.filter(subject_id__in=list(subject_ids)).order_by("position")


def list_recent(limit: int = 50) -> list[Event]:
    return list(Event.objects.order_by("-position")[:limit])


def list_after(*, era: int, xid: int, position: int, limit: int) -> list[Event]:
    """Events in commit order after a cursor: only those older than every running transaction."""
    return list(
        Event.objects.raw(
            """SELECT * FROM events_event
               WHERE (era, xid, position) > (%s, %s, %s) AND xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
               ORDER BY era, xid, position LIMIT %s""",
            [era, xid, position, limit],
        )
    )
