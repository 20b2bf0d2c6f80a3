"""What safeguarded clients are owed beside what our accounts for client money hold, by entity and asset."""

# ruff: noqa: S608 - every part is written here

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from apps.core import db

# As the release gate counts: what has left an account for client money covers nothing any more, booked or not. By the ledger's own key
# (entity, kind, asset): accounts of that asset alone are read. An overdraft of one client covers nobody else.
_COVER = """
(
  SELECT a.entity_id, a.asset_code, -sum(a.amount) AS total FROM ledger_ledgeraccount a
  JOIN clients_terms t ON t.account_id = a.owner_id AND t.effective_until IS NULL AND t.safeguarded
  WHERE a.kind = 'CLIENT_BALANCE' AND a.amount < 0 {where} GROUP BY a.entity_id, a.asset_code
) owed FULL JOIN (
  SELECT a.entity_id, a.asset_code, sum(a.amount) AS total FROM ledger_ledgeraccount a
  WHERE a.kind IN ('NOSTRO', 'IN_TRANSIT') AND a.designation = 'CLIENT' {where} GROUP BY a.entity_id, a.asset_code
) kept USING (entity_id, asset_code)
"""
_SELECT = "SELECT entity_id, asset_code, coalesce(owed.total, 0), coalesce(kept.total, 0) FROM "
_ONE = _SELECT + _COVER.format(where="AND a.entity_id = %(entity)s AND a.asset_code = %(asset)s")
_ALL = (
    _SELECT
    + _COVER.format(where="")
    + """
FULL JOIN (SELECT entity_id, asset_code, true AS known FROM close_shortfall WHERE status = 'OPEN') short USING (entity_id, asset_code)
WHERE short.known OR coalesce(owed.total, 0) > coalesce(kept.total, 0) ORDER BY entity_id, asset_code
"""
)


@dataclass(frozen=True, slots=True)
class Cover:
    """In units of the asset."""

    entity_id: UUID
    asset: str
    owed: Decimal
    kept: Decimal


def get_cover(entity_id: UUID, asset: str) -> Cover:
    """Of one asset, with what this transaction has posted."""
    row = db.first(_ONE, {"entity": entity_id, "asset": asset})
    return Cover(entity_id, asset, Decimal(0), Decimal(0)) if row is None else Cover(*row)


def list_to_note() -> list[Cover]:
    """Where it falls short, or fell short when it was last looked at."""
    return [Cover(*row) for row in db.run(_ALL)]
