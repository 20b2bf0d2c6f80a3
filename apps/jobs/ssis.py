"""Settlement instructions come into use and end by their time. Safe to run twice at once."""

import logging

from celery import shared_task
from django.db import DatabaseError

from apps.clients import queries as clients
from apps.core import clock
from apps.core.errors import AppError
from apps.workflows.change_ssi import bring_ssi_up_to_date

log = logging.getLogger(__name__)


def keep() -> int:
    """How many came into use or ended."""
    done = 0
    for ssi_id in clients.list_due_ssis(clock.desk_now()):
        try:
            done += bring_ssi_up_to_date(ssi_id=ssi_id) is not None
        except (AppError, DatabaseError) as no:
            log.warning("settlement instruction %s: %s", ssi_id, no)
    return done


@shared_task(name="flowdesk.keep_ssis")
def keep_ssis() -> None:
    keep()
