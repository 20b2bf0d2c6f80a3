"""End quotes and requests whose time is over. A quote is dead by its time, whatever its row says; this gives its credit back."""

import logging
from collections.abc import Callable, Iterable
from uuid import UUID

from celery import shared_task
from django.db import DatabaseError

from apps.core.clock import desk_now
from apps.core.errors import AppError
from apps.rfqs import queries
from apps.rfqs.queries import GRACE
from apps.workflows.end_quote import expire_quote, expire_rfq, withdraw_halted

log = logging.getLogger(__name__)


def sweep_quotes(limit: int = 200) -> int:
    """Expire due quotes, oldest first, each in its own use case; how many it ended."""
    return _each(queries.list_due_quotes(desk_now() - GRACE, limit), lambda one: expire_quote(quote_id=one))


def sweep_rfqs(limit: int = 200) -> int:
    """Expire requests that nobody priced in time; how many it ended."""
    return _each(queries.list_due_rfqs(desk_now(), limit), lambda one: expire_rfq(rfq_id=one))


def sweep_halted(limit: int = 200) -> int:
    """Withdraw what a kill switch stopped; each waits for the accepts that came before the switch."""
    return _each(queries.list_halted(limit), lambda one: withdraw_halted(rfq_id=one))


def _each(due: Iterable[UUID], end: Callable[[UUID], object]) -> int:
    ended = 0
    for one in due:
        try:
            ended += end(one) is not None
        except (AppError, DatabaseError) as no:  # someone was faster, or busy: it is still due at the next tick
            log.warning("%s not ended: %s", one, no)
    return ended


@shared_task(name="flowdesk.sweep_rfqs")
def sweep() -> None:
    sweep_quotes()
    sweep_rfqs()
    sweep_halted()
