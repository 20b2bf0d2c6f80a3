"""Keep credit true: marks, replacement cost, breaches; no reservation for ever; prefunded accounts that are short."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from celery import shared_task
from django.conf import settings
from django.db import DatabaseError

from apps.core.clock import desk_now
from apps.core.errors import AppError
from apps.credit import queries
from apps.instruments import queries as instruments
from apps.ledger import queries as ledger
from apps.pricing.errors import PriceUnavailable
from apps.pricing.feeds import bus
from apps.rfqs import queries as rfqs
from apps.settlement import queries as settlement
from apps.workflows.revalue_credit import keep_marks, release_orphan, revalue_line
from apps.workflows.watch_balances import settle_owed, watch_balance
from apps.workflows.watch_client_money import watch_client_money

from .pages import each_once

log = logging.getLogger(__name__)
DEAD = timedelta(minutes=1)  # since when nothing may stand reserved for a request that ended


def read_mids() -> dict[str, tuple[Decimal, datetime]]:
    """Mid and moment of every pair that the bus has a dealable book of; what it cannot say is left out, and goes stale."""
    out = {}
    for pair in instruments.list_pairs():
        try:
            depth = bus.read_depth(pair.code)
        except PriceUnavailable as no:
            log.warning("%s has no mark: %s", pair.code, no)
            continue
        if depth is not None and depth.is_dealable:
            out[pair.code] = (depth.mid, depth.as_of)
    return out


def revalue() -> int:
    """Mark every line that has something to mark, each in its own use case; how many."""
    marks = keep_marks(mids=read_mids(), max_age_s=settings.CREDIT_MARK_MAX_AGE_S)
    done = 0
    for line_id in queries.list_reviewed():
        try:
            revalue_line(line_id=line_id, marks=marks)
            done += 1
        except (AppError, DatabaseError) as no:  # busy: it is still due at the next tick
            log.warning("line %s not marked: %s", line_id, no)
    return done


def sweep_orphans() -> int:
    """Release what requests that ended left reserved; how many requests."""
    before = desk_now() - DEAD
    released = 0
    for source_id in rfqs.list_orphans(before):
        try:
            released += release_orphan(source_id=source_id, before=before)
        except (AppError, DatabaseError) as no:
            log.warning("reservation of %s not released: %s", source_id, no)
    return released


def watch_balances() -> int:
    """Settle owed prefunded deals that the balance holds now, then call what is short; how many deals settled and calls were made."""
    done = 0
    owed = list(each_once(settlement.list_owed_deals))
    for trade_id, account_id in owed:
        done += _quietly(settle_owed, trade_id=trade_id, account_id=account_id) or 0
    for account_id in sorted({*(a for _, a in owed), *ledger.list_overdrawn(), *queries.list_called_accounts()}):
        done += len(_quietly(watch_balance, account_id=account_id) or [])
    return done


def _quietly(case: Callable[..., Any], **kw: Any) -> Any:
    try:
        return case(**kw)
    except (AppError, DatabaseError) as no:  # busy: it is still due at the next tick
        log.warning("%s %s: %s", case.__name__, kw, no)
        return None


def watch_cover() -> int:
    """What lowers client money otherwise than by a payment or a statement, and what has covered it; how many shortfalls are open."""
    return len(_quietly(watch_client_money) or [])


@shared_task(name="flowdesk.keep_credit")
def keep_credit() -> None:
    sweep_orphans()
    watch_balances()
    watch_cover()
    revalue()
