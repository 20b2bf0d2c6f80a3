"""End quotes and requests whose time is over. A quote is dead by its time, whatever its row says; this gives its credit back."""

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from uuid import UUID

from celery import shared_task
from django.db import DatabaseError

from apps.core.clock import desk_now
from apps.core.errors import AppError
from apps.pricing.errors import PriceUnavailable
from apps.pricing.feeds import bus
from apps.pricing.rules import Composite
from apps.pricing.rules.worth import usd_per
from apps.rfqs import queries
from apps.rfqs.queries import GRACE
from apps.workflows.change_terms import end_dropped
from apps.workflows.end_quote import expire_quote, expire_rfq, withdraw_halted
from apps.workflows.stream_quotes import stream_quote

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


def sweep_dropped(limit: int = 200) -> int:
    """End what the terms that came into force leave no deal for; how many it ended."""
    return _each(queries.list_dropped(limit), lambda one: end_dropped(rfq_id=one))


def stream_quotes(limit: int = 500) -> int:
    """The next quote of each streamed request whose price changed, or whose quote is about to end; how many it made."""
    books: dict[str, Composite | None] = {}

    def one(rfq_id: UUID, pair: str) -> object:
        depth = books[pair] if pair in books else books.setdefault(pair, _depth(pair))
        return stream_quote(rfq_id=rfq_id, depth=depth, usd_per_quote=usd_per(pair.rpartition("-")[2], depth))

    streams = dict(queries.list_streams(desk_now(), limit))
    return _each(streams, lambda rfq_id: one(rfq_id, streams[rfq_id]))


def _depth(pair: str) -> Composite | None:
    """Asked twice: one answer that came late is not a lost feed."""
    for _ in range(2):
        with suppress(PriceUnavailable):
            return bus.read_depth(pair)
    return None


def _each(due: Iterable[UUID], end: Callable[[UUID], object]) -> int:
    ended = 0
    for one in due:
        try:
            ended += end(one) is not None
        except (AppError, DatabaseError) as no:  # someone was faster, or busy: it is still due at the next tick
            log.warning("%s not ended: %s", one, no)
    return ended


@shared_task(name="flowdesk.stream_quotes")
def stream() -> None:
    stream_quotes()


@shared_task(name="flowdesk.sweep_rfqs")
def sweep() -> None:
    sweep_quotes()
    sweep_rfqs()
    sweep_halted()
    sweep_dropped()
