"""Lines with their use."""

from django.db.models import QuerySet

from .models import Reservation
from .states import ReservationStatus


def list_live_reservations() -> QuerySet[Reservation]:
    """Those that still take part of a line."""
    return Reservation.objects.filter(status__in=[ReservationStatus.RESERVED, ReservationStatus.COMMITTED]).select_related("line")
