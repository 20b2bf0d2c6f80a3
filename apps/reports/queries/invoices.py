"""What an account was charged in a month: fees of its deals, and adjustments, as they were posted."""

from datetime import date
from uuid import UUID

from apps.core import db, ids
from apps.reports.rendering.rows import Charged

# A deal's fee counts on its trade date, by its current version; an adjustment when it was posted, and again, the other way, when reversed.
_FEES = """
SELECT t.trade_date AS day, t.id, 'FEE' AS kind, 'Fee on ' || trim_scale(v.quantity) || ' ' || t.pair_id AS description, i.quote_id, v.fee
FROM trades_trade t JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = t.version JOIN instruments_pair i ON i.code = t.pair_id
WHERE t.kind = 'CLIENT' AND t.status <> 'CANCELLED' AND v.fee > 0
"""
_ADJUSTED = """
SELECT l.business_date AS day, a.id, a.kind, CASE l.kind WHEN 'REVERSAL' THEN 'reversed: ' ELSE '' END || a.reason, a.asset_id,
  a.amount * CASE a.direction WHEN 'RECEIVE' THEN 1 ELSE -1 END * CASE l.kind WHEN 'REVERSAL' THEN -1 ELSE 1 END
FROM settlement_adjustment a JOIN ledger_ledgertransaction l ON l.source_id = a.id
WHERE a.kind IN ('REBATE', 'COMPENSATION', 'LATE_INTEREST', 'CHARGE', 'COMMISSION')
"""
_CHARGED = f"""
SELECT * FROM ({_FEES} AND t.account_id = %(account)s AND t.entity_id = %(entity)s AND t.trade_date BETWEEN %(first)s AND %(last)s
  UNION ALL
  {_ADJUSTED} AND a.account_id = %(account)s AND a.entity_id = %(entity)s AND l.business_date BETWEEN %(first)s AND %(last)s) charged
ORDER BY 1, 3, 2
"""  # noqa: S608 - every part is written here
_SCOPES = """
SELECT DISTINCT c.code FROM clients_account c WHERE c.id IN (
  SELECT t.account_id FROM trades_trade t JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = t.version
  WHERE t.kind = 'CLIENT' AND t.status <> 'CANCELLED' AND v.fee > 0 AND t.trade_date BETWEEN %(first)s AND %(last)s
  UNION
  SELECT a.account_id FROM settlement_adjustment a JOIN ledger_ledgertransaction l ON l.source_id = a.id
  WHERE a.kind IN ('REBATE', 'COMPENSATION', 'LATE_INTEREST', 'CHARGE', 'COMMISSION') AND l.business_date BETWEEN %(first)s AND %(last)s)
ORDER BY 1
"""


def list_charged(account_id: UUID, entity_id: UUID, month_end: date) -> list[Charged]:
    """In order of their days."""
    params = {"account": account_id, "entity": entity_id, "first": month_end.replace(day=1), "last": month_end}
    return [
        Charged(day, ids.encode("trd" if kind == "FEE" else "adj", source), kind, description, asset, amount)
        for day, source, kind, description, asset, amount in db.run(_CHARGED, params)
    ]


def list_invoiced(month_end: date) -> list[str]:
    """Codes of the accounts that were charged something in the month."""
    return [row[0] for row in db.run(_SCOPES, {"first": month_end.replace(day=1), "last": month_end})]
