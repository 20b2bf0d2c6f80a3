"""The close of a business day: started by operations, proven, closed by finance or risk."""

from datetime import date, datetime
from uuid import UUID

from apps.close import operations as close
from apps.close import queries as days
from apps.close import rules
from apps.close.models import BusinessDay, Proof
from apps.close.rules import Taken
from apps.core.actor import Actor
from apps.core.unit import use_case
from apps.instruments import queries as instruments
from apps.ledger import operations as ledger
from apps.pricing import queries as prices
from apps.reports.queries import closing, movements

from . import reconcile


@use_case
def start_close(*, actor: Actor, entity_id: UUID, on: date, now: datetime) -> tuple[BusinessDay, list[Proof]]:
    """Operations start the close of a day that has rolled; its proofs are taken and kept, proven or not.

    :raises NoSuchDay, NotACloser, DayNotOver, IllegalMove
    """
    entity = instruments.get_entity_by_id(entity_id)
    day = close.start_close(entity_id=entity_id, on=on, actor=actor, today=entity.business_date(now))
    return day, close.keep_proofs(day=day, taken=_take(day, now), now=now)


@use_case
def retake_proofs(*, entity_id: UUID, on: date, now: datetime) -> list[Proof]:
    """The proofs as they stand now, kept beside the earlier ones.

    :raises NoSuchDay
    """
    day = days.lock_day(entity_id, on)
    return close.keep_proofs(day=day, taken=_take(day, now), now=now)


@use_case
def close_day(*, actor: Actor, entity_id: UUID, on: date, now: datetime) -> BusinessDay:
    """Finance or risk close the day when all is proven, never by who started it.

    :raises DayNotReady: `missing` lists what is not proven
    :raises NoSuchDay, NotACloser, SameHandsClose, IllegalMove
    """
    ledger.stop_day(entity_id=entity_id, on=on)  # what is proven is all there will be
    taken = _take(days.lock_day(entity_id, on), now)
    start = days.find_start(entity_id, on)
    carried = movements.list_carried(entity_id, on, None if start is None else start.closing_id)
    return close.close_day(entity_id=entity_id, on=on, actor=actor, taken=taken, carried=carried, now=now)


@use_case
def stop_close(*, actor: Actor, entity_id: UUID, on: date, reason: str, now: datetime) -> BusinessDay:
    """Give the close up, to correct something first.

    :raises NoSuchDay, NotACloser, IllegalMove
    """
    return close.stop_close(entity_id=entity_id, on=on, actor=actor, reason=reason)


def _take(day: BusinessDay, now: datetime) -> list[Taken]:
    """Every proof that a close needs, as it stands now; breaks are kept. The caller holds the day."""
    four, _ = reconcile.take(day, now)
    held = closing.list_held(day.entity_id, day.date)
    nostros = closing.list_nostros(day.entity_id)
    marks = prices.find_approved_marks(day.entity_id, day.date)
    return [
        rules.prove_marks(marks, held),
        rules.prove_identity(held, marks),
        *four,
        rules.prove_suspense(nostros),
        rules.prove_transit(nostros),
        rules.prove_client_money(closing.get_client_money(day.entity_id), nostros),
    ]
