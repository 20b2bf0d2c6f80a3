"""What a close is proven by: both sides of the position identity, nostros and venues beside what explains them, client money."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from apps.close.rules import Held, NostroState
from apps.core import db
from apps.ledger.states import HAVE, RESULT

_NOSTROS = """
SELECT n.name, n.asset_id, n.designation,
  coalesce((SELECT a.amount FROM ledger_ledgeraccount a WHERE a.owner_id = n.id AND a.kind = 'NOSTRO'), 0),
  coalesce((SELECT a.amount FROM ledger_ledgeraccount a WHERE a.owner_id = n.id AND a.kind = 'IN_TRANSIT'), 0),
  coalesce((SELECT a.amount FROM ledger_ledgeraccount a WHERE a.owner_id = n.id AND a.kind = 'SUSPENSE'), 0),
  coalesce((SELECT sum(i.amount - i.settled_amount) FROM settlement_instruction i
            WHERE i.nostro_id = n.id AND i.direction = 'PAY' AND i.status = 'SENT'), 0),
  coalesce((SELECT sum(r.amount) FROM settlement_receipt r
            WHERE r.nostro_id = n.id AND r.status IN ('FINAL', 'CLEARED', 'QUARANTINED', 'RETURN_DUE')), 0)
    - coalesce((SELECT sum(i.amount) FROM settlement_instruction i JOIN settlement_receipt r ON r.id = i.returns_id
                WHERE r.nostro_id = n.id AND r.status = 'RETURN_DUE' AND i.status IN ('SENT', 'SETTLED')), 0),
  (SELECT count(*) FROM settlement_receipt r WHERE r.nostro_id = n.id AND r.status = 'QUARANTINED' AND r.owner_role = '')
FROM settlement_nostro n WHERE n.entity_id = %(entity)s
UNION ALL
SELECT c.name, v.asset_id, 'VENUE',
  coalesce((SELECT a.amount FROM ledger_ledgeraccount a WHERE a.owner_id = c.id AND a.kind = 'VENUE' AND a.entity_id = v.entity_id
            AND a.asset_code = v.asset_id), 0),
  coalesce((SELECT a.amount FROM ledger_ledgeraccount a WHERE a.owner_id = c.id AND a.kind = 'IN_TRANSIT' AND a.entity_id = v.entity_id
            AND a.asset_code = v.asset_id), 0), 0,
  coalesce((SELECT sum(i.amount - i.settled_amount) FROM settlement_instruction i JOIN settlement_housetransfer t
            ON t.id = i.house_transfer_id JOIN settlement_venueplace p ON p.id = t.place_id
            WHERE p.venue_id = c.id AND i.entity_id = v.entity_id AND i.asset_id = v.asset_id AND i.direction = 'DRAW'
              AND i.status = 'SENT'), 0), 0, 0
FROM (SELECT DISTINCT entity_id, venue_id, asset_id FROM settlement_venueplace WHERE entity_id = %(entity)s) v
JOIN clients_counterparty c ON c.id = v.venue_id
ORDER BY 2, 3
"""
# What stands now, less what was posted after the date: few lines, by the index of business dates.
_HELD = """
SELECT asset, coalesce(sum(amount) FILTER (WHERE kind = ANY (%(have)s)), 0), coalesce(-sum(amount) FILTER (WHERE kind = ANY (%(result)s)),
0)
FROM (
  SELECT a.asset_code AS asset, a.kind, a.amount FROM ledger_ledgeraccount a WHERE a.entity_id = %(entity)s
  UNION ALL
  SELECT a.asset_code, a.kind, -l.amount FROM ledger_ledgertransaction t JOIN ledger_ledgerline l ON l.transaction_id = t.id
  JOIN ledger_ledgeraccount a ON a.id = l.account_id WHERE t.entity_id = %(entity)s AND t.business_date > %(on)s
) parts GROUP BY asset ORDER BY asset
"""
_CLIENT_MONEY = """
SELECT a.asset_code, sum(-a.amount) FROM ledger_ledgeraccount a
JOIN clients_terms t ON t.account_id = a.owner_id AND t.effective_until IS NULL AND t.safeguarded
WHERE a.entity_id = %s AND a.kind = 'CLIENT_BALANCE' AND a.amount < 0 GROUP BY a.asset_code ORDER BY a.asset_code
"""


def list_nostros(entity_id: UUID) -> list[NostroState]:
    """Every bank account and wallet of the entity as it stands now, and every balance with a venue where we pay in."""
    return [NostroState(*row) for row in db.run(_NOSTROS, {"entity": entity_id})]


def list_held(entity_id: UUID, on: date) -> list[Held]:
    """Both sides of the position identity, per asset, at the end of the business date."""
    params = {"have": [str(kind) for kind in HAVE], "result": [str(kind) for kind in RESULT], "entity": entity_id, "on": on}
    return [Held(*row) for row in db.run(_HELD, params)]


def get_client_money(entity_id: UUID) -> dict[str, Decimal]:
    """What safeguarded clients are owed, per asset."""
    return dict(db.run(_CLIENT_MONEY, (entity_id,)))
