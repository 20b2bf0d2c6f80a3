"""Parties and members are looked up again when a list has new entries. Safe to run twice at once."""

import logging

from celery import shared_task
from django.db import DatabaseError

from apps.core.errors import AppError
from apps.reports.queries.screened import list_unscreened
from apps.workflows.screen_names import screen_once_more

from .pages import each_once

log = logging.getLogger(__name__)


def keep() -> int:
    """How many were looked up."""
    done = 0
    for subject_type, subject_id in each_once(list_unscreened):
        try:
            done += screen_once_more(subject_type=subject_type, subject_id=subject_id) is not None
        except (AppError, DatabaseError) as no:
            log.warning("screening of %s %s: %s", subject_type, subject_id, no)
    return done


@shared_task(name="flowdesk.screen_names")
def screen_names() -> None:
    keep()
