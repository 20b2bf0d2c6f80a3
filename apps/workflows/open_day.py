"""A business day of a booking entity begins."""

from datetime import date, datetime
from uuid import UUID

from apps.close import operations as close
from apps.close.models import BusinessDay
from apps.core.unit import use_case


@use_case
def open_day(*, entity_id: UUID, on: date, now: datetime) -> BusinessDay:
    """The day, opened once however often this is called."""
    return close.open_day(entity_id=entity_id, on=on)
