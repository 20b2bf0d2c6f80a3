"""The rows of each document, one statement each; all of one document are read in one snapshot."""

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection

from apps.core import db, ids
from apps.ledger.states import HAVE, RESULT
from apps.reports.errors import UnknownReport
from apps.reports.rendering.rows import BlotterRow, Holder, Issuer, Movement, OpenObligation, PositionRow

_BATCH = 2_000

_DEALS = """
SELECT t.id, t.kind, t.status, v.number, t.booked_at, t.trade_date, v.value_date, p.code, coalesce(a.code, ''), t.pair_id, v.side,
  v.quantity, i.base_id, v.price, v.quote_quantity, i.quote_id, v.fee, v.pays, v.pays_asset, v.receives, v.receives_asset, v.reference_mid,
  CASE WHEN t.kind = 'CLIENT' THEN (v.price - v.trader_rate) * v.quantity * CASE v.side WHEN 'buy' THEN 1 ELSE -1 END END, t.source,
  coalesce(t.client_order_id, t.execution_id, ''), t.covers_id,
  coalesce((SELECT CASE WHEN count(*) = 0 THEN NULL WHEN bool_and(o.status IN ('SETTLED', 'CANCELLED')) THEN 'SETTLED'
                        WHEN bool_and(o.status IN ('SETTLED', 'CANCELLED', 'CLOSED_OUT')) THEN 'CLOSED_OUT'
                        WHEN bool_or(o.status IN ('SETTLED', 'PART_SETTLED')) THEN 'PART_SETTLED' ELSE 'OPEN' END
            FROM settlement_obligation o WHERE o.trade_id = t.id), '')
FROM trades_trade t JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = t.version
JOIN clients_counterparty p ON p.id = t.counterparty_id JOIN instruments_pair i ON i.code = t.pair_id
LEFT JOIN clients_account a ON a.id = t.account_id
WHERE t.entity_id = %(entity)s AND t.trade_date = %(on)s {more}
ORDER BY t.booked_at, t.id
"""
_POSITIONS = """
WITH closing AS (
  SELECT asset, coalesce(-sum(amount) FILTER (WHERE kind = ANY (%(result)s)), 0) AS position,
         coalesce(sum(amount) FILTER (WHERE kind = ANY (%(have)s)), 0) AS have
  FROM (SELECT a.asset_code AS asset, a.kind, a.amount FROM ledger_ledgeraccount a WHERE a.entity_id = %(entity)s
        UNION ALL
        SELECT a.asset_code, a.kind, -l.amount FROM ledger_ledgertransaction t JOIN ledger_ledgerline l ON l.transaction_id = t.id
        JOIN ledger_ledgeraccount a ON a.id = l.account_id WHERE t.entity_id = %(entity)s AND t.business_date > %(on)s) parts
  GROUP BY asset
), day AS (
  SELECT a.asset_code AS asset,
         coalesce(-sum(l.amount) FILTER (WHERE a.kind = 'POSITION' AND d.kind = 'CLIENT'), 0) AS client_deals,
         coalesce(-sum(l.amount) FILTER (WHERE a.kind = 'POSITION' AND d.kind = 'HEDGE'), 0) AS hedges,
         -sum(l.amount) AS total
  FROM ledger_ledgertransaction t JOIN ledger_ledgerline l ON l.transaction_id = t.id
  JOIN ledger_ledgeraccount a ON a.id = l.account_id AND a.kind = ANY (%(result)s)
  LEFT JOIN trades_trade d ON d.id = t.source_id
  WHERE t.entity_id = %(entity)s AND t.business_date = %(on)s GROUP BY a.asset_code
)
SELECT c.asset, s.scale, c.position - coalesce(d.total, 0), coalesce(d.client_deals, 0), coalesce(d.hedges, 0),
       coalesce(d.total - d.client_deals - d.hedges, 0), c.position, c.have
FROM closing c JOIN instruments_asset s ON s.code = c.asset LEFT JOIN day d ON d.asset = c.asset ORDER BY s.kind DESC, c.asset
"""
_HOLDER = """
SELECT c.code, c.name, c.lei, c.country, a.code, a.name, t.mode, e.code, e.name, e.lei, e.functional_currency_id, e.id, a.id
FROM clients_account a JOIN clients_counterparty c ON c.id = a.owner_id
JOIN clients_terms t ON t.account_id = a.id AND t.effective_until IS NULL JOIN instruments_bookingentity e ON e.id = t.entity_id
WHERE a.code = %s
"""
# By account and version, so through the index of the account's own lines; set-offs between what is owed both ways cancel out.
_MOVEMENTS = """
WITH lines AS (
  SELECT l.id AS line, l.asset_code, t.business_date, t.id, t.effective_at, t.kind, t.source_type, t.source_id, t.narrative, l.amount
  FROM ledger_ledgeraccount a JOIN ledger_ledgerline l ON l.account_id = a.id JOIN ledger_ledgertransaction t ON t.id = l.transaction_id
  WHERE a.owner_id = %(account)s AND a.entity_id = %(entity)s AND a.kind IN ('CLIENT_BALANCE', 'RECEIVABLE', 'PAYABLE')
    AND t.business_date <= %(on)s
)
SELECT asset_code, NULL, '', '', NULL, '', -sum(amount), 0 AS line FROM lines WHERE business_date < %(on)s GROUP BY asset_code
UNION ALL
SELECT asset_code, effective_at, kind, source_type, source_id, narrative, -sum(amount), min(line) FROM lines WHERE business_date = %(on)s
GROUP BY asset_code, id, effective_at, kind, source_type, source_id, narrative HAVING sum(amount) <> 0
ORDER BY asset_code, line
"""
_OBLIGATIONS = """
SELECT o.trade_id, o.adjustment_id, o.value_date, o.direction, o.asset_id, o.amount, o.amount - o.settled_amount, o.status
FROM settlement_obligation o
WHERE o.account_id = %s AND o.entity_id = %s AND o.status IN ('OPEN', 'NETTED', 'INSTRUCTED', 'PART_SETTLED')
ORDER BY o.value_date, o.asset_id, o.booked_at, o.id
"""
_PREFIX = {"trade": "trd", "obligation": "obl", "net_set": "set", "netset": "set", "net_leg": "leg", "netleg": "leg", "instruction": "ins",
           "receipt": "rcp", "deposit": "dep", "withdrawal": "wdr", "adjustment": "adj", "close_out": "clo"}  # fmt: skip


def get_issuer(code: str) -> tuple[UUID, Issuer]:
    """
    :raises UnknownReport: no booking entity of this code
    """
    row = db.first("SELECT id, code, name, lei, functional_currency_id FROM instruments_bookingentity WHERE code = %s", (code,))
    if row is None:
        raise UnknownReport(f"no booking entity {code}")
    return row[0], Issuer(*row[1:])


def get_holder(account_code: str) -> tuple[UUID, UUID, Issuer, Holder]:
    """Account id, entity id, issuer and holder of a statement.

    :raises UnknownReport: no account of this code with terms
    """
    row = db.first(_HOLDER, (account_code,))
    if row is None:
        raise UnknownReport(f"no account {account_code} with terms")
    return row[12], row[11], Issuer(*row[7:11]), Holder(*row[:7])


def get_scales() -> dict[str, int]:
    """Decimals at which each asset settles."""
    return dict(db.run("SELECT code, scale FROM instruments_asset"))


def list_deals(entity_id: UUID, on: date) -> Iterator[BlotterRow]:
    """Every deal of the business date, hedges too, streamed in booking order; inside a snapshot."""
    return _deals("", {"entity": entity_id, "on": on})


def list_hedges(entity_id: UUID, on: date) -> list[BlotterRow]:
    return list(_deals("AND t.kind = 'HEDGE'", {"entity": entity_id, "on": on}))


def list_account_deals(entity_id: UUID, account_id: UUID, on: date) -> list[BlotterRow]:
    return list(_deals("AND t.account_id = %(account)s AND t.kind = 'CLIENT'", {"entity": entity_id, "account": account_id, "on": on}))


def _deals(more: str, params: dict[str, Any]) -> Iterator[BlotterRow]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(_DEALS.format(more=more), params)
        while rows := cursor.fetchmany(_BATCH):
            for row in rows:
                covers = "" if row[25] is None else ids.encode("trd", row[25])
                cells: list[Any] = [ids.encode("trd", row[0]), *row[1:25], covers, row[26]]
                yield BlotterRow(*cells)


def list_positions(entity_id: UUID, on: date) -> list[PositionRow]:
    """Per asset: the position before the date, what changed it, the position after it."""
    params = {"have": [str(k) for k in HAVE], "result": [str(k) for k in RESULT], "entity": entity_id, "on": on}
    return [PositionRow(*row) for row in db.run(_POSITIONS, params)]


def list_movements(account_id: UUID, entity_id: UUID, on: date) -> list[Movement]:
    """Per asset: its balance before the date (no kind), then each movement of the date."""
    rows = db.run(_MOVEMENTS, {"account": account_id, "entity": entity_id, "on": on})
    return [Movement(asset, at, kind, _reference(source, of), said, amount) for asset, at, kind, source, of, said, amount, _ in rows]


def list_obligations(account_id: UUID, entity_id: UUID) -> list[OpenObligation]:
    """What stands open now, the earliest value date first."""
    return [
        OpenObligation(ids.encode("trd", row[0]) if row[0] else ids.encode("adj", row[1]), *row[2:])
        for row in db.run(_OBLIGATIONS, (account_id, entity_id))
    ]


def _reference(source: str, source_id: UUID | None) -> str:
    return "" if source_id is None else ids.encode(_PREFIX.get(source, source[:3] or "ref"), source_id)
