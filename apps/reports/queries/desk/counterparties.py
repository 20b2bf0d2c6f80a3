"""Whom we hedge, bank and settle with, beside our clients: the list, and one of them with every version of its terms."""

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from uuid import UUID

from apps.core import db


@dataclass(frozen=True, slots=True)
class TermsRow:
    """One version: `until` None is the one in force, `tenor` None the pair's own cycle, `netting` '' none agreed."""

    version: int
    since: datetime
    until: datetime | None
    entity: str
    book: str
    mode: str
    netting: str
    cutoff: time
    zone: str
    tenor: int | None
    fee_bps: Decimal


@dataclass(frozen=True, slots=True)
class CounterpartyRow:
    """`limit` is what we may have open with it in USD, `used` what we have; `terms`: those in force."""

    id: UUID
    code: str
    name: str
    lei: str
    country: str
    roles: list[str]
    status: str
    review_due: date | None
    terms: TermsRow | None
    line: UUID | None
    limit: Decimal | None
    used: Decimal | None
    valid_until: datetime | None


_TERMS = """
SELECT t.version, t.effective_from, t.effective_until, e.code, b.code, t.mode,
  CASE WHEN t.payment_netting THEN t.netting_agreement ELSE '' END, t.netting_cutoff, t.netting_zone, t.tenor, t.fee_bps
FROM clients_terms t JOIN clients_account a ON a.id = t.account_id AND a.is_default
JOIN instruments_bookingentity e ON e.id = t.entity_id JOIN instruments_book b ON b.id = t.book_id
WHERE a.owner_id = %s ORDER BY t.version DESC
"""
_ROWS = """
SELECT c.id, c.code, c.name, c.lei, c.country, c.roles, c.status, c.review_due, l.id, l.amount + CASE WHEN l.excess_until > %s THEN l.excess
  ELSE 0 END, l.reserved + l.used + l.revalued, l.valid_until,
  t.version, t.effective_from, t.effective_until, e.code, b.code, t.mode, CASE WHEN t.payment_netting THEN t.netting_agreement ELSE '' END,
  t.netting_cutoff, t.netting_zone, t.tenor, t.fee_bps
FROM clients_counterparty c
LEFT JOIN clients_account a ON a.owner_id = c.id AND a.is_default
LEFT JOIN clients_terms t ON t.account_id = a.id AND t.effective_until IS NULL
LEFT JOIN instruments_bookingentity e ON e.id = t.entity_id LEFT JOIN instruments_book b ON b.id = t.book_id
LEFT JOIN credit_line l ON l.level = 'LP' AND l.subject_id = c.id AND l.measure = 'PRE_SETTLEMENT'
WHERE NOT c.roles && ARRAY['CLIENT', 'HOUSE']::varchar[] AND (%s = '' OR c.code = %s)
ORDER BY c.code
"""


def list_counterparties(now: datetime, code: str = "") -> list[CounterpartyRow]:
    """All but clients and our own entities, or the one of this code."""
    out = []
    for row in db.run(_ROWS, [now, code, code]):
        terms = None if row[12] is None else TermsRow(*row[12:])
        out.append(CounterpartyRow(*(*row[:8], terms, *row[8:12])))
    return out


def list_terms(counterparty_id: UUID) -> list[TermsRow]:
    """Every version, the last one first."""
    return [TermsRow(*row) for row in db.run(_TERMS, [counterparty_id])]
