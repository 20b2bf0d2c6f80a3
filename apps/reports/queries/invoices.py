"""What an account was charged in a month: fees of its deals, and adjustments, as they were posted."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from apps.core import db, ids
from apps.reports.rendering.rows import Charged

# A deal's fee counts on its trade date, by its current version; an adjustment when it was posted, and again, the other way, when reversed.
_FEES = """
SELECT t.trade_date AS day, t.id, 'FEE' AS kind, 'Fee on ' || trim_scale(v.quantity) || ' ' || t.pair_id AS description, i.quote_id, v.fee
FROM trades_trade t JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = t.version JOIN instruments_pair i ON i.code = t.pair_id
JOIN clients_terms m ON m.id = t.terms_id AND m.fee_mode <> 'INVOICED'
WHERE t.kind = 'CLIENT' AND t.status <> 'CANCELLED' AND v.fee > 0
"""
# A fee that is invoiced counts as it was posted, and so do its corrections: each posting is on the invoice of its own month.
_INVOICED = """
SELECT x.business_date AS day, t.id, 'INVOICED_FEE' AS kind,
  CASE x.kind WHEN 'DEAL' THEN 'Fee on ' WHEN 'REVERSAL' THEN 'Taken back: fee on ' ELSE 'Corrected: fee on ' END
    || trim_scale(v.quantity) || ' ' || t.pair_id AS description, l.asset_code, l.amount AS fee, t.account_id, t.entity_id
FROM trades_trade t JOIN clients_terms m ON m.id = t.terms_id AND m.fee_mode = 'INVOICED'
JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = t.version
JOIN ledger_ledgertransaction x ON x.source_id = t.id JOIN ledger_ledgerline l ON l.transaction_id = x.id
JOIN ledger_ledgeraccount a ON a.id = l.account_id AND a.kind = 'RECEIVABLE' AND a.owner_id = t.counterparty_id
WHERE t.kind = 'CLIENT'
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
  SELECT day, id, kind, description, asset_code, fee FROM ({_INVOICED}) i WHERE account_id = %(account)s AND entity_id = %(entity)s
    AND day BETWEEN %(first)s AND %(last)s
  UNION ALL
  {_ADJUSTED} AND a.account_id = %(account)s AND a.entity_id = %(entity)s AND l.business_date BETWEEN %(first)s AND %(last)s) charged
ORDER BY 1, 3, 2
"""  # noqa: S608 - every part is written here
_SCOPES = f"""
SELECT DISTINCT c.code FROM clients_account c WHERE c.id IN (
  SELECT t.account_id FROM trades_trade t JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = t.version
  JOIN clients_terms m ON m.id = t.terms_id AND m.fee_mode <> 'INVOICED'
  WHERE t.kind = 'CLIENT' AND t.status <> 'CANCELLED' AND v.fee > 0 AND t.trade_date BETWEEN %(first)s AND %(last)s
  UNION
  SELECT account_id FROM ({_INVOICED}) i WHERE day BETWEEN %(first)s AND %(last)s
  UNION
  SELECT a.account_id FROM settlement_adjustment a JOIN ledger_ledgertransaction l ON l.source_id = a.id
  WHERE a.kind IN ('REBATE', 'COMPENSATION', 'LATE_INTEREST', 'CHARGE', 'COMMISSION') AND l.business_date BETWEEN %(first)s AND %(last)s)
ORDER BY 1
"""  # noqa: S608 - every part is written here
_UNBILLED = f"""
SELECT c.id, c.code, p.name, f.entity_id, f.asset, f.amount FROM (
  SELECT account_id, entity_id, asset, sum(amount) AS amount FROM (
    SELECT account_id, entity_id, asset_code AS asset, fee AS amount FROM ({_INVOICED}) i
    UNION ALL
    SELECT account_id, entity_id, asset_id, CASE direction WHEN 'RECEIVE' THEN -amount ELSE amount END FROM settlement_adjustment
    WHERE kind = 'FEES' AND status IN ('REQUESTED', 'APPROVED', 'BOOKED', 'SETTLED')) parts
  GROUP BY account_id, entity_id, asset HAVING sum(amount) <> 0) f
JOIN clients_account c ON c.id = f.account_id JOIN clients_counterparty p ON p.id = c.owner_id
WHERE %(account)s::uuid IS NULL OR c.id = %(account)s::uuid ORDER BY c.code, f.asset, f.entity_id
"""  # noqa: S608 - every part is written here


_UNTIL = f"""
SELECT coalesce((SELECT sum(fee) FROM ({_INVOICED}) i WHERE account_id = %(account)s AND entity_id = %(entity)s AND asset_code = %(asset)s
                   AND day <= %(last)s), 0)
  - coalesce((SELECT sum(CASE direction WHEN 'RECEIVE' THEN amount ELSE -amount END) FROM settlement_adjustment
              WHERE kind = 'FEES' AND account_id = %(account)s AND entity_id = %(entity)s AND asset_id = %(asset)s
                AND status IN ('REQUESTED', 'APPROVED', 'BOOKED', 'SETTLED')), 0)
"""  # noqa: S608 - every part is written here


@dataclass(frozen=True, slots=True)
class Unbilled:
    """Fees invoiced with deals and not asked to be paid yet; below zero: we owe them back."""

    account_id: UUID
    account: str
    client_name: str
    entity_id: UUID
    asset: str
    amount: Decimal


def list_unbilled(account_id: UUID | None = None) -> list[Unbilled]:
    """By account, asset and entity of ours, of one account or of all."""
    return [Unbilled(*row) for row in db.run(_UNBILLED, {"account": account_id})]


def unbilled_until(one: Unbilled, last: date) -> Decimal:
    """What of it was invoiced up to and on a day: never more than is unbilled now, and nothing where the two go opposite ways."""
    params = {"account": one.account_id, "entity": one.entity_id, "asset": one.asset, "last": last}
    then: Decimal = db.one(_UNTIL, params)[0]
    if then * one.amount <= 0:
        return Decimal(0)
    return min(then, one.amount, key=abs)


def list_charged(account_id: UUID, entity_id: UUID, month_end: date) -> list[Charged]:
    """In order of their days."""
    params = {"account": account_id, "entity": entity_id, "first": month_end.replace(day=1), "last": month_end}
    return [
        Charged(day, ids.encode("trd" if kind in {"FEE", "INVOICED_FEE"} else "adj", source), kind, description, asset, amount)
        for day, source, kind, description, asset, amount in db.run(_CHARGED, params)
    ]


def list_invoiced(month_end: date) -> list[str]:
    """Codes of the accounts that were charged something in the month."""
    return [row[0] for row in db.run(_SCOPES, {"first": month_end.replace(day=1), "last": month_end})]
