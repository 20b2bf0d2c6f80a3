"""Judge fair use out of the statistics: only a client whose level changes, or whose stop runs out, costs a transaction."""

import logging

from celery import shared_task
from django.db import DatabaseError

from apps.core.clock import desk_now
from apps.core.errors import AppError
from apps.reports.queries.statistics import list_use
from apps.reports.rules.statistics import fair_use_level
from apps.workflows.judge_fair_use import judge_fair_use

log = logging.getLogger(__name__)


def judge() -> int:
    """Judge every client that asked in the last day; for how many something changed."""
    now, changed = desk_now(), 0
    for use in list_use(now):
        level = fair_use_level(use.requests, use.deals, least=use.least, soft=use.soft, hard=use.hard)
        runs_out = level == "HARD" and (use.until is None or use.until <= now)
        if level == use.level and not runs_out:
            continue
        try:
            judge_fair_use(client_id=use.client_id, level=level, requests=use.requests, deals=use.deals)
            changed += 1
        except (AppError, DatabaseError) as no:
            log.warning("fair use of %s not judged: %s", use.code, no)
    return changed


@shared_task(name="flowdesk.judge_fair_use")
def judge_fair_use_task() -> None:
    judge()
