"""Lines with their use."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from .models import Line, Reservation
from .states import ReservationStatus


def list_lines(subject_ids: Iterable[UUID] | None = None) -> QuerySet[Line]:
    lines = Line.objects.order_by("level", "id")
    return lines if subject_ids is None else lines.filter(subject_id__in=list(subject_ids))


def list_live_reservations() -> QuerySet[Reservation]:
    """Those that still take part of a line."""
    return Reservation.objects.filter(status__in=[ReservationStatus.RESERVED, ReservationStatus.COMMITTED]).select_related("line")
