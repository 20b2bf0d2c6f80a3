"""What clients have not answered is asked again; what they planned before a deal is carried out."""

import logging
from uuid import UUID

from celery import shared_task
from django.db import DatabaseError

from apps.core.clock import desk_now
from apps.core.errors import AppError, Busy
from apps.trades import queries
from apps.workflows.confirm_deal import remind
from apps.workflows.plan_shares import carry_out_plan, refuse_plan

from .pages import each_once

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


def carry_out_plans() -> int:
    """Shares planned before the deals that were booked since, and plans whose request ended without one; how many came to an end."""
    ended = 0
    for plan_id, trade_id in each_once(queries.list_due_plans):
        try:
            ended += carry_out_plan(plan_id=plan_id, trade_id=trade_id) is not None
        except (Busy, DatabaseError) as no:  # still due at the next tick
            log.warning("plan %s not carried out: %s", plan_id, no)
        except AppError as no:
            assert trade_id is not None, "a plan without a deal lapses"
            ended += _refused(plan_id, trade_id, no)
    return ended


def _refused(plan_id: UUID, trade_id: UUID, refusal: AppError) -> bool:
    try:
        return refuse_plan(plan_id=plan_id, trade_id=trade_id, refusal=refusal) is not None
    except (AppError, DatabaseError) as no:  # still due at the next tick; what comes after it must not wait
        log.warning("plan %s not refused: %s", plan_id, no)
        return False


@shared_task(name="flowdesk.carry_out_plans")
def carry_out() -> None:
    carry_out_plans()


@shared_task(name="flowdesk.remind_confirmations")
def remind_confirmations() -> None:
    remind_due()
