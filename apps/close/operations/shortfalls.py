"""Client money that is not covered: found once, somebody's, and over when it is covered again."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.core import db, ids, money
from apps.core.actor import Actor
from apps.core.errors import IllegalMove
from apps.core.unit import step
from apps.events import operations as events
from apps.instruments import queries as instruments
from apps.users import rules as people

from .. import queries
from ..errors import ReasonMissing
from ..models import Shortfall
from ..states import SHORTFALL, ShortfallStatus

_FOUND = """
INSERT INTO close_shortfall (id, entity_id, asset_code, owed, kept, worst, status, found_at, owner_name, words)
VALUES (%s, %s, %s, %s, %s, %s, 'OPEN', %s, '', '') ON CONFLICT (entity_id, asset_code) WHERE status = 'OPEN' DO NOTHING RETURNING id
"""


@step
def note_cover(*, entity_id: UUID, asset: str, owed: Decimal, kept: Decimal, now: datetime) -> bool:
    """What is owed to safeguarded clients beside what is kept for them, in units of the asset, as it stands with this transaction.

    :return: whether it falls short. The first time that it does is told, and that it is covered again
    """
    row = queries.lock_open_shortfall(entity_id, asset)
    missing = owed - kept
    if row is None:
        if missing > 0 and db.run(_FOUND, (ids.uuid7(), entity_id, asset, owed, kept, missing, now)):
            row = queries.lock_open_shortfall(entity_id, asset)
            assert row is not None, "it was made just now"
            _tell("client_money.short", row)
        return missing > 0
    if missing > 0:
        if (row.owed, row.kept) != (owed, kept):
            row.owed, row.kept, row.worst = owed, kept, max(row.worst, missing)
            row.save(update_fields=["owed", "kept", "worst"])
        return True
    row.owed, row.kept, row.ended_at = owed, kept, now
    SHORTFALL.move(row, ShortfallStatus.COVERED)
    row.save(update_fields=["status", "owed", "kept", "ended_at"])
    _tell("client_money.covered", row)
    return False


@step
def take_shortfall(*, shortfall_id: UUID, actor: Actor, words: str, now: datetime) -> Shortfall:
    """Finance or compliance make it theirs, also from another's hands.

    :raises AppError: RoleMissing, NotFound, ReasonMissing, IllegalMove (it is covered)
    """
    assert actor.id is not None
    people.require_may(actor.roles, "client_money")
    row = queries.lock_shortfall(shortfall_id)
    if row.status != ShortfallStatus.OPEN:
        raise IllegalMove("it is covered", state=str(row.status))
    if not words.strip():
        raise ReasonMissing("what is done about it", pointer="words")
    row.owner_id, row.owner_name, row.words = actor.id, actor.name, words.strip()[:200]
    row.save(update_fields=["owner_id", "owner_name", "words"])
    _tell("client_money.taken", row)
    return row


def _tell(kind: str, row: Shortfall) -> None:
    entity = instruments.get_entity_by_id(row.entity_id).code
    missing = max(row.missing, money.ZERO)
    house = {
        "title": f"{entity}: {money.text(missing)} {row.asset_code} of client money missing" if missing else f"{entity}: {row.asset_code}",
        "entity": entity,
        "asset": row.asset_code,
        "amount": money.text(missing),
        "owed": money.text(row.owed),
        "kept": money.text(row.kept),
        "owner": row.owner_name,
    }
    events.record(kind, subject_type="shortfall", subject_id=row.id, house=house)
