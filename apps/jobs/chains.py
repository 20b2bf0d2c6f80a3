"""Transactions of ours that hang on a chain: said once, and replaced when that is asked for. Safe to run twice at once."""

import logging
from functools import partial

from celery import shared_task
from django.db import DatabaseError

from apps.core import clock
from apps.core.errors import AppError
from apps.settlement.queries import replacing
from apps.settlement.rails.base import Answer, Outcome
from apps.workflows.replace_transaction import begin_replacing, note_stuck, record_replacement

from . import settlement
from .lines import run_each
from .pages import each_once

log = logging.getLogger(__name__)


def note_hanging() -> int:
    """Payments that have been on their way for too long."""
    hanging = partial(replacing.list_hanging, clock.desk_now())
    return sum(settlement.one_case(note_stuck, instruction_id=one) for one in each_once(hanging))


def send_replacements(rail: str = "") -> int:
    """SENDING is committed first, then the rail is called, then its answer is recorded; what got none is told again, as it was."""
    sent = 0
    for replacement_id, instruction_id in each_once(partial(replacing.list_to_send, clock.wall_now(), rail)):
        try:
            told = begin_replacing(replacement_id=replacement_id)
        except (AppError, DatabaseError) as no:
            log.warning("not replaced %s: %s", replacement_id, no)
            continue
        if told is None:
            continue
        key, number, fee = told
        adapter, place = settlement.rail_of(instruction_id)
        try:
            answer = adapter.replace(place, key, number=number, fee=fee, now=clock.desk_now())
        except Exception:  # the same transaction is told again
            log.exception("no answer for %s", replacement_id)
            answer = Answer(Outcome.UNKNOWN, reason="no answer")
        sent += settlement.one_case(record_replacement, replacement_id=replacement_id, answer=answer)
    return sent


@shared_task(name="flowdesk.tend_chains")
def tend_chains() -> None:
    note_hanging()
    run_each((f"replace:{rail}", partial(send_replacements, rail)) for rail in replacing.list_rails_to_replace_on())
