"""The whole ledger in the order of a journal: by business date, then as recorded."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection

from apps.core import db
from apps.reports.rendering.hledger import Commodity, JournalAccount, Posting, account_name

_BATCH = 5_000  # rows in memory at a time

# Readable and unique: the owner's code, or the book's; with the entity's where there is more than one.
_OWNER = """
coalesce(b.code, c.code, n.rail_id || ' ' || lower(n.designation), p.code, a.owner_id::text, 'house')
  || CASE WHEN (SELECT count(*) FROM instruments_bookingentity) > 1 THEN ' ' || e.code ELSE '' END
"""
_OWNERS = """
JOIN instruments_bookingentity e ON e.id = a.entity_id
LEFT JOIN instruments_book b ON b.id = a.book_id
LEFT JOIN clients_account c ON c.id = a.owner_id
LEFT JOIN settlement_nostro n ON n.id = a.owner_id
LEFT JOIN clients_counterparty p ON p.id = a.owner_id
"""
_ACCOUNTS = f"""
SELECT a.kind, {_OWNER}, a.asset_code,
       CASE WHEN %(until)s::date IS NULL THEN a.amount
            ELSE coalesce((SELECT sum(l.amount) FROM ledger_ledgerline l JOIN ledger_ledgertransaction t ON t.id = l.transaction_id
                           WHERE l.account_id = a.id AND t.business_date <= %(until)s::date), 0) END
FROM ledger_ledgeraccount a {_OWNERS} ORDER BY 1, 2, 3
"""  # noqa: S608
# A line's own running balance holds in journal order where its place and the highest version so far are its version.
_POSTINGS = f"""
WITH placed AS (
  SELECT t.id, t.business_date, t.key, t.kind, t.narrative, t.source_type || ' ' || t.source_id AS source, t.effective_at,
         l.account_id, l.asset_code, l.amount, l.balance, l.version, l.id AS line_id,
         min(l.id) OVER (PARTITION BY l.transaction_id) AS first
  FROM ledger_ledgerline l JOIN ledger_ledgertransaction t ON t.id = l.transaction_id
  WHERE %(until)s::date IS NULL OR t.business_date <= %(until)s::date
), ordered AS (
  SELECT *, row_number() OVER w AS place, max(version) OVER w AS highest FROM placed
  WINDOW w AS (PARTITION BY account_id ORDER BY business_date, first, id, line_id ROWS UNBOUNDED PRECEDING)
)
SELECT o.id::text, o.business_date, o.key, o.kind, o.narrative, o.source, to_char(o.effective_at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       a.kind, {_OWNER}, o.asset_code, o.amount, CASE WHEN o.place = o.version AND o.highest = o.version THEN o.balance END
FROM ordered o JOIN ledger_ledgeraccount a ON a.id = o.account_id {_OWNERS}
ORDER BY o.business_date, o.first, o.id, o.line_id
"""  # noqa: S608


def list_commodities() -> list[Commodity]:
    return [Commodity(code, scale) for code, scale in db.run("SELECT code, scale FROM instruments_asset ORDER BY code")]


def list_accounts(until: date | None) -> list[JournalAccount]:
    """Every account that has ever been posted to, with its balance at the end of `until` (default: now)."""
    return [JournalAccount(*row) for row in db.run(_ACCOUNTS, {"until": until})]


def list_postings(until: date | None) -> Iterator[Posting]:
    """All lines up to and including the business date `until`, streamed; inside a snapshot."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(_POSTINGS, {"until": until})
        while rows := cursor.fetchmany(_BATCH):
            for row in rows:
                cells: list[Any] = [*row[:7], account_name(*row[7:10]), *row[9:]]
                yield Posting(*cells)


def get_last_day(until: date | None) -> date | None:
    """The last business date with a posting; None for an empty ledger."""
    last: date | None = db.one(
        "SELECT max(business_date) FROM ledger_ledgertransaction WHERE business_date <= coalesce(%s, 'infinity'::date)", (until,)
    )[0]
    return last


def list_prices(until: date | None) -> list[tuple[date, str, Decimal, str]]:
    """Approved closing marks: (date, asset, price of one unit, currency)."""
    rows: list[Any] = db.run(
        "SELECT s.business_date, m.asset_code, m.price, s.currency FROM pricing_mark m JOIN pricing_markset s ON s.id = m.mark_set_id "
        "WHERE s.status = 'APPROVED' AND m.asset_code <> s.currency AND s.business_date <= coalesce(%s, 'infinity'::date) ORDER BY 1, 2",
        (until,),
    )
    return rows
