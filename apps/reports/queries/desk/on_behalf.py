"""What the form for deals on behalf offers, and what was booked with it lately."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.core import db

from .where import parsed


@dataclass(frozen=True, slots=True)
class AccountChoice:
    id: UUID
    code: str
    client_name: str
    status: str  # the client's, or the account's where that is the stricter


def list_accounts() -> list[AccountChoice]:
    """Every account that has terms, by its code."""
    rows = db.run(
        """SELECT a.id, a.code, c.name, CASE WHEN c.status = 'APPROVED' THEN a.status ELSE c.status END
           FROM clients_account a JOIN clients_counterparty c ON c.id = a.owner_id
           WHERE EXISTS (SELECT 1 FROM clients_terms t WHERE t.account_id = a.id AND t.effective_until IS NULL) ORDER BY a.code"""
    )
    return [AccountChoice(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Booked:
    """A deal on behalf with what was kept of the agreement."""

    trade_id: UUID
    client: str
    side: str
    quantity: Decimal
    pair: str
    price: Decimal
    channel: str
    agreed_at: datetime
    agreed_by: str
    evidence: str
    flags: list[str]
    booked_by: str
    booked_at: datetime


_BOOKED = """
SELECT t.id, c.code, v.side, v.quantity, t.pair_id, v.price, r.channel, g.agreed_at, g.agreed_by, g.evidence, g.flags, u.username,
  g.booked_at
FROM rfqs_agreement g
JOIN rfqs_rfq r ON r.id = g.rfq_id
JOIN trades_trade t ON t.rfq_id = r.id
JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = 1
JOIN clients_counterparty c ON c.id = r.client_id
JOIN users_user u ON u.id = g.booked_by_id
"""


def list_recent(limit: int = 10) -> list[Booked]:
    return [Booked(*parsed(row, 10)) for row in db.run(f"{_BOOKED} ORDER BY g.booked_at DESC LIMIT %s", [limit])]


def find_agreement(rfq_id: UUID | None) -> Booked | None:
    """What was agreed behind a deal on behalf; None where it was not one."""
    row = db.first(f"{_BOOKED} WHERE g.rfq_id = %s", [rfq_id])
    return None if row is None else Booked(*parsed(row, 10))
