"""Live marks into credit: what deals would cost to replace, line by line; breaches that follow; reservations that nobody ends."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.core import money
from apps.core.unit import use_case
from apps.credit import operations as credit
from apps.credit import queries, rules
from apps.credit.models import Line
from apps.credit.rules import Mark
from apps.credit.states import Level, Measure
from apps.ledger import queries as ledger
from apps.rfqs import queries as rfq_queries
from apps.settlement import queries as settlement


@use_case
def keep_marks(*, mids: Mapping[str, tuple[Decimal, datetime]], max_age_s: int, now: datetime) -> dict[str, Mark]:
    """Assets in USD out of the composites' mids; one without a live mid keeps its last value, and is stale once that is too old.

    :param mids: by pair, with the moment of the book
    """
    marks = rules.keep_last(queries.read_marks(), rules.usd_marks(mids, now, max_age_s), now, max_age_s)
    return credit.set_marks(marks=marks)


@use_case
def revalue_line(*, line_id: UUID, marks: Mapping[str, Mark], now: datetime) -> Line:
    """What the marks add to one line; a breach opens, widens or is cured by it.

    An LP's line is ours towards it: what we hold there, and what its hedges would cost to replace. It stops nothing, it alerts.
    """
    line = queries.lock_line_by_id(line_id)
    if line.level == Level.LP:
        return credit.set_revalued(line=line, value=_held(line.subject_id, marks) + _owed(line.subject_id, marks), now=now)
    if line.measure == Measure.PRE_SETTLEMENT:
        return credit.revalue(line=line, deals=settlement.list_exposed(line.id, now.date()), marks=marks, now=now)
    credit.review(line_id=line.id, now=now)
    return line


@use_case
def release_orphan(*, source_id: UUID, before: datetime, now: datetime) -> bool:
    """Give back what a request reserved that has ended, or is long dead; False when it lives after all.

    :param before: reserved and dead since before this moment
    """
    credit.lock_source(source_id=source_id)
    return bool(rfq_queries.list_orphans(before, only=source_id)) and credit.release(source_id=source_id, now=now)


def _held(lp_id: UUID, marks: Mapping[str, Mark]) -> Decimal:
    held = ledger.list_at_venue(lp_id)
    return sum((max(amount, money.ZERO) * marks[asset].usd for asset, amount in held.items() if asset in marks), money.ZERO)


def _owed(lp_id: UUID, marks: Mapping[str, Mark]) -> Decimal:
    """Deal by deal, what is left of it at the marks where that is in our favour: whole, once we have paid and the LP has not."""
    left = (
        sum((amount * marks[asset].usd for asset, amount in owed.items() if asset in marks), money.ZERO)
        for owed in settlement.list_owed_by_lp(lp_id).values()
    )
    return sum((max(worth, money.ZERO) for worth in left), money.ZERO)
