"""Warn clients of keys that end, and let go of answers whose keys have had their time."""

import logging

from celery import shared_task
from django.db import DatabaseError

from apps.clients.queries import list_expiring
from apps.core import answers
from apps.core.clock import wall_now
from apps.core.errors import AppError
from apps.workflows.ask_for_keys import warn_of_end

log = logging.getLogger(__name__)


def warn() -> int:
    """How many clients were told that a key of theirs ends."""
    told = 0
    for key_pk, days in list_expiring(wall_now()):
        try:
            told += warn_of_end(key_pk=key_pk, days=days) is not None
        except (AppError, DatabaseError) as no:
            log.warning("no warning of the end of key %s: %s", key_pk, no)
    return told


@shared_task(name="flowdesk.keep_keys")
def keep_keys() -> None:
    warn()
    answers.let_go(wall_now())
