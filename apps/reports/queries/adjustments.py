"""Prior-period adjustments: what took effect in a month that was locked when it was posted, on an open day after it."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.core import db
from apps.instruments import queries as instruments

_EFFECTIVE = instruments.business_date_of("t.effective_at")
_ADJUSTMENTS = f"""
SELECT t.id, t.kind, t.narrative, {_EFFECTIVE} AS effective, t.business_date, t.effective_at, t.recorded_at, t.source_type, t.source_id,
  a.kind, a.asset_code, coalesce(c.code, n.name, p.code, b.code, ''), l.amount
FROM ledger_ledgertransaction t
JOIN instruments_bookingentity e ON e.id = t.entity_id
JOIN close_month m ON m.entity_id = t.entity_id AND m.first = date_trunc('month', {_EFFECTIVE})::date
JOIN ledger_ledgerline l ON l.transaction_id = t.id JOIN ledger_ledgeraccount a ON a.id = l.account_id
LEFT JOIN clients_account c ON c.id = a.owner_id LEFT JOIN settlement_nostro n ON n.id = a.owner_id
LEFT JOIN clients_counterparty p ON p.id = a.owner_id LEFT JOIN instruments_book b ON b.id = a.book_id
WHERE t.entity_id = %(entity)s AND t.business_date >= m.first + interval '1 month'
  AND (%(month)s::date IS NULL OR m.first = %(month)s::date)
  AND (SELECT v.status FROM close_monthmove v WHERE v.month_id = m.id AND v.at <= t.recorded_at ORDER BY v.number DESC LIMIT 1) = 'LOCKED'
ORDER BY t.recorded_at, t.id, l.id LIMIT %(most)s
"""  # noqa: S608 - every part is written here
HEADER = ("effective_date", "posted_on", "recorded_at", "kind", "account", "owner", "asset", "amount", "narrative", "transaction")


@dataclass(frozen=True, slots=True)
class Adjusted:
    """One line of such a posting; `amount` is debits positive."""

    transaction_id: UUID
    kind: str
    narrative: str
    effective: date
    business_date: date
    effective_at: datetime
    recorded_at: datetime
    source_type: str
    source_id: UUID
    account: str
    asset: str
    owner: str
    amount: Decimal


def list_adjustments(entity_id: UUID, month: date | None = None, most: int | None = None) -> list[Adjusted]:
    """:param month: the first day of the locked month that they belong to; all months by default"""
    return [Adjusted(*row) for row in db.run(_ADJUSTMENTS, {"entity": entity_id, "month": month, "most": most})]
