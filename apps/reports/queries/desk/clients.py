"""Our clients: the list, and the accounts of one with their terms in force."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from apps.clients import queries as clients
from apps.core import db


@dataclass(frozen=True, slots=True)
class ClientRow:
    """`accounts` and `members`: how many; of members those who are not closed. `mode`, `tier`: of the default account's terms."""

    id: UUID
    code: str
    name: str
    lei: str
    country: str
    group: str
    status: str
    review_due: date | None
    accounts: int
    members: int
    mode: str
    tier: str


@dataclass(frozen=True, slots=True)
class AccountRow:
    """An account with its terms in force; `version` None: it has none. Markup and fee in bps, `auto_max_usd` in USD a deal."""

    id: UUID
    code: str
    name: str
    status: str
    is_default: bool
    version: int | None
    entity: str
    book: str
    mode: str
    tier: str
    markup_bps: Decimal | None
    fee_bps: Decimal | None
    fee_mode: str
    auto_max_usd: Decimal | None
    pairs: list[str]
    netting: str


_CLIENTS = f"""
SELECT c.id, c.code, c.name, c.lei, c.country, coalesce(g.name, ''), c.status, c.review_due,
  (SELECT count(*) FROM clients_account a WHERE a.owner_id = c.id),
  (SELECT count(*) FROM clients_member m WHERE m.counterparty_id = c.id AND m.closed_at IS NULL), coalesce(t.mode, ''), coalesce(t.tier, '')
FROM clients_counterparty c LEFT JOIN clients_group g ON g.id = c.group_id
LEFT JOIN clients_account d ON d.owner_id = c.id AND d.is_default
LEFT JOIN clients_terms t ON t.account_id = d.id AND {clients.terms_in_force("t")}
WHERE c.roles @> ARRAY['CLIENT']::varchar[] AND (%s = '' OR c.code = %s) ORDER BY c.code
"""  # noqa: S608
_ACCOUNTS = f"""
SELECT a.id, a.code, a.name, a.status, a.is_default, t.version, coalesce(e.code, ''), coalesce(b.code, ''), coalesce(t.mode, ''),
  coalesce(t.tier, ''), t.markup_bps, t.fee_bps, coalesce(t.fee_mode, ''), t.auto_max_usd, coalesce(t.pairs, '{{}}'),
  CASE WHEN t.payment_netting THEN t.netting_agreement ELSE '' END
FROM clients_account a
LEFT JOIN clients_terms t ON t.account_id = a.id AND {clients.terms_in_force("t")}
LEFT JOIN instruments_bookingentity e ON e.id = t.entity_id LEFT JOIN instruments_book b ON b.id = t.book_id
WHERE a.owner_id = %s ORDER BY a.is_default DESC, a.code
"""  # noqa: S608


def list_clients(code: str = "") -> list[ClientRow]:
    """Every client, or the one of this code."""
    return [ClientRow(*row) for row in db.run(_CLIENTS, [code, code])]


def list_accounts(client_id: UUID) -> list[AccountRow]:
    return [AccountRow(*row) for row in db.run(_ACCOUNTS, [client_id])]
