"""What is open on a day that the desk has closed settles on the next good one."""

import logging
from functools import partial

from celery import shared_task
from django.db import DatabaseError

from apps.core.clock import desk_now
from apps.core.errors import AppError
from apps.settlement.queries.closed_days import list_misdated
from apps.workflows.change_calendar import list_closed, redate_closed

from .pages import each_once

log = logging.getLogger(__name__)


def redate_closed_days() -> int:
    """Deals and adjustments on closed days, each in its own use case; how many got another date."""
    moved = 0
    closed = list_closed(desk_now())
    for one in each_once(partial(list_misdated, closed)):
        try:
            moved += bool(redate_closed(one=one))
        except (AppError, DatabaseError) as no:  # still due at the next tick
            log.warning("%s not re-dated: %s", one.trade_id or one.adjustment_id, no)
    return moved


@shared_task(name="flowdesk.redate_closed_days")
def redate() -> None:
    redate_closed_days()
