"""Business days by time: the running one is opened, and the one that is to be closed is reconciled. Safe to run twice at once."""

import logging

from celery import shared_task
from django.db import DatabaseError

from apps.core import clock
from apps.core.errors import AppError
from apps.instruments import queries as instruments
from apps.workflows.open_day import open_day
from apps.workflows.reconcile import due_date, reconcile

log = logging.getLogger(__name__)


def run_close() -> int:
    """How many entities were reconciled."""
    done = 0
    for entity in instruments.list_entities():
        now = clock.desk_now()
        try:
            open_day(entity_id=entity.id, on=entity.business_date(now))
            reconcile(entity_id=entity.id, on=due_date(entity.id, now))
            done += 1
        except (AppError, DatabaseError) as no:
            log.warning("%s not reconciled: %s", entity.code, no)
    return done


@shared_task(name="flowdesk.reconcile")
def reconcile_due() -> None:
    run_close()
