"""What clients have not answered is asked again."""

import logging

from celery import shared_task
from django.db import DatabaseError

from apps.core.clock import desk_now
from apps.core.errors import AppError
from apps.trades import queries
from apps.workflows.confirm_deal import remind

log = logging.getLogger(__name__)


def remind_due() -> int:
    """Confirmations that nobody has affirmed or disputed in time, each in its own use case; how many were told."""
    told = 0
    for confirmation_id in queries.list_due_reminders(desk_now()):
        try:
            told += remind(confirmation_id=confirmation_id) is not None
        except (AppError, DatabaseError) as no:
            log.warning("confirmation %s not reminded: %s", confirmation_id, no)
    return told


@shared_task(name="flowdesk.remind_confirmations")
def remind_confirmations() -> None:
    remind_due()
