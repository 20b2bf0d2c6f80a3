"""Safeguarded money is covered after every payment and every line of a statement; where it is not, somebody is told at once."""

from datetime import datetime
from uuid import UUID

from apps.close import operations as close
from apps.close import queries as shortfalls
from apps.close.models import Shortfall
from apps.core import unit
from apps.core.actor import Actor
from apps.core.unit import step, use_case
from apps.reports.queries import client_money


@step
def look_after(*, entity_id: UUID, asset: str, now: datetime) -> None:
    """Look at this asset once everything of this transaction is posted, with the balances locked: one statement, of this asset alone."""

    def look(places: list[tuple[UUID, str]]) -> None:
        for entity, code in sorted(set(places)):
            found = client_money.get_cover(entity, code)
            close.note_cover(entity_id=entity, asset=code, owed=found.owed, kept=found.kept, now=now)

    unit.bag(unit.BALANCES + 1, "client money", (entity_id, asset), look)


@use_case
def watch_client_money(*, now: datetime) -> list[str]:
    """Every asset that falls short, or did: what other postings did to client money, and what has covered it. Assets that fall short.

    Each is read again under the lock of its shortfall: what was listed may be covered, and told, by a payment of this moment.
    """
    short = []
    for listed in client_money.list_to_note():
        shortfalls.lock_open_shortfall(listed.entity_id, listed.asset)
        one = client_money.get_cover(listed.entity_id, listed.asset)
        if close.note_cover(entity_id=one.entity_id, asset=one.asset, owed=one.owed, kept=one.kept, now=now):
            short.append(one.asset)
    return short


@use_case
def take(*, actor: Actor, shortfall_id: UUID, words: str, now: datetime) -> Shortfall:
    """Finance or compliance make a shortfall theirs and say what they do about it.

    :raises AppError: RoleMissing, NotFound, ReasonMissing, IllegalMove
    """
    return close.take_shortfall(shortfall_id=shortfall_id, actor=actor, words=words, now=now)
