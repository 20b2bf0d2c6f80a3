"""A nostro's movements on both sides, from the last close on: what its statement tells, what the ledger booked, and which is which.

A close keeps how far both sides were read and which lines were open (`close.ClosingBalance`); what it found the same on both sides, all
of it by its date, is read no more. So a run reads the days since, and what is open, however old the house is.
"""

# ruff: noqa: S608 - every part is written here

from datetime import date
from uuid import UUID

from apps.close.rules import Account, Carried
from apps.core import db
from apps.instruments import queries as instruments

# Each lookup stands behind OFFSET 0: by its index, one line at a time, whatever the planner believes of how many there are.
# A line of the statement that is read no more still names what is posted for it later.
_READ = """
start AS MATERIALIZED (
  SELECT n.id AS nostro, a.id AS account, coalesce(b.version, 0) AS version, coalesce(a.version, 0) AS last_version,
    coalesce(b.sequence, 0) AS sequence,
    coalesce((SELECT max(s.sequence) FROM settlement_statementline s WHERE s.nostro_id = n.id), 0) AS last_sequence,
    coalesce(b.open_lines, '{}') AS open_lines, coalesce(b.open_statement_lines, '{}') AS open_statement_lines
  FROM settlement_nostro n LEFT JOIN ledger_ledgeraccount a ON a.owner_id = n.id AND a.kind = 'NOSTRO'
  LEFT JOIN close_closingbalance b ON b.closing_id = %(closing)s AND b.kind = 'NOSTRO' AND b.owner_id = n.id
  WHERE n.entity_id = %(entity)s
), booked AS MATERIALIZED (
  SELECT l.nostro, l.id, t.business_date AS at, l.amount, t.narrative AS reference,
    CASE WHEN t.source_type <> 'break' AND t.key LIKE 'line:%%' THEN split_part(t.key, ':', 2) END AS line,
    CASE WHEN t.source_type = 'break' THEN coalesce((SELECT b.key FROM close_break b WHERE b.id = t.source_id), t.id::text)
         WHEN t.key LIKE 'line:%%' THEN t.key
         WHEN t.source_type = 'instruction' THEN 'payment:' || t.source_id
         WHEN t.source_type = 'receipt' THEN 'receipt:' || t.source_id
         WHEN t.source_type = 'statement_line' THEN 'line:' || t.source_id
         WHEN t.source_type IN ('nostro', 'opening') THEN 'opening:' || l.nostro
         ELSE 'posting:' || coalesce(t.reverses_id, t.id) END AS item
  FROM (
    SELECT st.nostro, l.id, l.transaction_id, l.amount FROM start st CROSS JOIN LATERAL (
      SELECT * FROM ledger_ledgerline l
      WHERE l.account_id = st.account AND l.version > st.version AND l.version <= st.last_version OFFSET 0) l
    UNION ALL
    SELECT st.nostro, l.id, l.transaction_id, l.amount FROM start st CROSS JOIN unnest(st.open_lines) AS o(id)
    CROSS JOIN LATERAL (SELECT * FROM ledger_ledgerline l WHERE l.id = o.id OFFSET 0) l
  ) l CROSS JOIN LATERAL (SELECT * FROM ledger_ledgertransaction t WHERE t.id = l.transaction_id OFFSET 0) t
), told AS MATERIALIZED (
  SELECT s.*, true AS counts FROM start st CROSS JOIN LATERAL (
    SELECT * FROM settlement_statementline s
    WHERE s.nostro_id = st.nostro AND s.sequence > st.sequence AND s.sequence <= st.last_sequence OFFSET 0) s
  UNION ALL
  SELECT s.*, true FROM start st CROSS JOIN unnest(st.open_statement_lines) AS o(id)
  CROSS JOIN LATERAL (SELECT * FROM settlement_statementline s WHERE s.id = o.id OFFSET 0) s
  UNION ALL
  SELECT DISTINCT s.*, false FROM booked b JOIN start st ON st.nostro = b.nostro
  CROSS JOIN LATERAL (SELECT * FROM settlement_statementline s WHERE s.id = b.line::uuid OFFSET 0) s
  WHERE b.line IS NOT NULL AND s.sequence <= st.sequence AND s.id <> ALL (st.open_statement_lines)
)
"""
# Both sides of every movement of a nostro, under one name: a payment with its return, a receipt with its reversal, else the line itself.
# A return that fits no payment of ours is a receipt. An opening, and a difference of balances that was written off, is no movement.
# A posting of a line has its name by one sort of both: a join turns quadratic where the planner has no statistics yet.
ITEMS = f"""
{_READ}, stated AS MATERIALIZED (
  SELECT s.nostro_id AS nostro, s.id AS line, s.counts, {instruments.business_date_of("s.booked_at")} AS at, s.amount, s.reference,
    coalesce('receipt:' || r.id, 'payment:' || i.id, 'line:' || s.id) AS item
  FROM told s JOIN instruments_bookingentity e ON e.id = %(entity)s
  LEFT JOIN LATERAL (
    SELECT i.id FROM settlement_instruction i WHERE s.end_to_end_id <> '' AND s.kind IN ('PAYMENT', 'RETURN')
      AND i.end_to_end_id = s.end_to_end_id AND i.nostro_id = s.nostro_id OFFSET 0) i ON true
  LEFT JOIN LATERAL (
    SELECT r.id FROM settlement_receipt r WHERE r.nostro_id = s.nostro_id
      AND r.rail_reference = ANY (ARRAY[s.reference, left(s.reference, 60) || '#' || s.sequence])
      AND (i.id IS NULL OR r.final_at = s.booked_at) ORDER BY length(r.rail_reference) DESC LIMIT 1)
    r ON i.id IS NULL OR (s.kind = 'RETURN' AND s.amount > 0)
), posted AS MATERIALIZED (
  SELECT nostro, id, at, amount, reference, item, item LIKE 'opening:%%' OR item LIKE 'nostro:%%' AS apart
  FROM (
    SELECT nostro, id, at, amount, reference, coalesce(of_line, item) AS item FROM (
      SELECT both_sides.*, max(item) FILTER (WHERE id IS NULL) OVER (PARTITION BY line) AS of_line
      FROM (SELECT id, nostro, at, amount, reference, line, item FROM booked
            UNION ALL SELECT NULL, nostro, at, amount, reference, line::text, item FROM stated) both_sides) named
    WHERE id IS NOT NULL) known
), s AS (
  SELECT nostro, item, sum(amount) AS amount, coalesce(sum(amount) FILTER (WHERE at <= %(on)s), 0) AS until, min(at) AS at,
    max(at) AS last, min(reference) AS reference
  FROM stated WHERE counts GROUP BY nostro, item
), p AS (
  SELECT nostro, item, sum(amount) AS amount, coalesce(sum(amount) FILTER (WHERE at <= %(on)s), 0) AS until, min(at) AS at,
    max(at) AS last, min(reference) AS reference
  FROM posted WHERE NOT apart GROUP BY nostro, item
), items AS MATERIALIZED (
  SELECT coalesce(s.nostro, p.nostro) AS nostro, coalesce(s.item, p.item) AS item, s.amount AS stated, p.amount AS posted,
    coalesce(s.until, 0) - coalesce(p.until, 0) AS until, least(s.at, p.at) AS at, greatest(s.last, p.last) AS last,
    coalesce(nullif(s.reference, ''), p.reference, '') AS reference
  FROM s FULL JOIN p ON p.nostro = s.nostro AND p.item = s.item
)
"""
MOVEMENT = f"""
WITH {ITEMS}
SELECT n.id, n.name, n.asset_id, i.item, i.stated, i.posted, i.at, i.reference FROM items i JOIN settlement_nostro n ON n.id = i.nostro
WHERE coalesce(i.stated, 0) <> coalesce(i.posted, 0) AND i.at <= %(on)s
ORDER BY n.asset_id, n.designation, i.at, i.item
"""
# What is of no item has no date on the statement: posted later, it is timing.
_FIGURES = """
late AS (
  SELECT nostro, coalesce(sum(until) FILTER (WHERE coalesce(stated, 0) = coalesce(posted, 0)), 0) AS timing,
    coalesce(sum(until) FILTER (WHERE coalesce(stated, 0) <> coalesce(posted, 0)), 0) AS unmatched
  FROM items GROUP BY nostro
), later AS (
  SELECT nostro, sum(amount) AS amount, sum(amount) FILTER (WHERE apart) AS apart FROM posted WHERE at > %(on)s GROUP BY nostro
), unread AS (
  SELECT nostro, sum(amount) AS amount FROM stated WHERE counts AND at > %(on)s GROUP BY nostro
), figures AS (
  SELECT st.*, coalesce((SELECT a.amount FROM ledger_ledgeraccount a WHERE a.id = st.account), 0) - coalesce(later.amount, 0) AS ledger,
    c.balance - coalesce(unread.amount, 0) AS stated, coalesce(later.apart, 0) AS apart, coalesce(late.timing, 0) AS timing,
    coalesce(late.unmatched, 0) AS unmatched
  FROM start st LEFT JOIN settlement_railcursor c ON c.nostro_id = st.nostro LEFT JOIN late ON late.nostro = st.nostro
  LEFT JOIN later ON later.nostro = st.nostro LEFT JOIN unread ON unread.nostro = st.nostro
)
"""
_BALANCE = f"""
WITH {ITEMS}, {_FIGURES}
SELECT n.id::text, n.name, n.asset_id, f.ledger,
  coalesce((SELECT a.amount FROM ledger_ledgeraccount a WHERE a.owner_id = n.id AND a.kind = 'IN_TRANSIT'), 0),
  f.stated, f.timing + f.apart, f.unmatched
FROM figures f JOIN settlement_nostro n ON n.id = f.nostro ORDER BY n.asset_id, n.designation
"""
# Done is what both sides have in the same amount, all of it by the date. The rest is read again.
_CARRIED = f"""
WITH {ITEMS}, {_FIGURES}, waiting AS (
  SELECT nostro, item FROM items WHERE coalesce(stated, 0) <> coalesce(posted, 0) OR last > %(on)s
)
SELECT 'NOSTRO', f.nostro, n.asset_id, f.ledger, f.last_version, f.stated, f.last_sequence,
  coalesce(f.stated - f.ledger - f.timing - f.unmatched, 0),
  ARRAY(SELECT p.id FROM posted p WHERE p.nostro = f.nostro AND CASE WHEN p.apart THEN p.at > %(on)s
        ELSE (p.nostro, p.item) IN (SELECT nostro, item FROM waiting) END ORDER BY p.id),
  ARRAY(SELECT s.line FROM stated s WHERE s.counts AND s.nostro = f.nostro
        AND (s.nostro, s.item) IN (SELECT nostro, item FROM waiting) ORDER BY s.line)
FROM figures f JOIN settlement_nostro n ON n.id = f.nostro
"""
# What was posted to a balance with a venue since the close that the run starts from, and what had a later date then.
VENUE_LINES = """
held AS MATERIALIZED (
  SELECT a.id, a.owner_id, a.asset_code, a.amount, a.version, coalesce(b.version, 0) AS read, coalesce(b.open_lines, '{}') AS open_lines
  FROM ledger_ledgeraccount a LEFT JOIN close_closingbalance b
    ON b.closing_id = %(closing)s AND b.kind = 'VENUE' AND b.owner_id = a.owner_id AND b.asset_code = a.asset_code
  WHERE a.entity_id = %(entity)s AND a.kind = 'VENUE'
), later AS MATERIALIZED (
  SELECT l.account_id, l.id, l.amount, b.since AS written_off_on
  FROM (
    SELECT l.* FROM held h CROSS JOIN LATERAL (
      SELECT * FROM ledger_ledgerline l WHERE l.account_id = h.id AND l.version > h.read AND l.version <= h.version OFFSET 0) l
    UNION ALL
    SELECT l.* FROM held h CROSS JOIN unnest(h.open_lines) AS o(id)
    CROSS JOIN LATERAL (SELECT * FROM ledger_ledgerline l WHERE l.id = o.id OFFSET 0) l
  ) l CROSS JOIN LATERAL (SELECT * FROM ledger_ledgertransaction t WHERE t.id = l.transaction_id OFFSET 0) t
  LEFT JOIN LATERAL (SELECT b.since FROM close_break b WHERE t.source_type = 'break' AND b.id = t.source_id OFFSET 0) b ON true
  WHERE t.business_date > %(on)s
)
"""
VENUE_SAYS = """
theirs AS (
  SELECT DISTINCT ON (v.counterparty_id, v.asset_code) v.counterparty_id, v.asset_code, v.amount FROM close_venuebalance v
  WHERE v.entity_id = %(entity)s AND v.date = %(on)s ORDER BY v.counterparty_id, v.asset_code, v.imported_at DESC, v.id DESC
)
"""
_VENUES_CARRIED = f"""
WITH {VENUE_LINES}, {VENUE_SAYS}
SELECT 'VENUE', h.owner_id, h.asset_code, h.amount - coalesce((SELECT sum(l.amount) FROM later l WHERE l.account_id = h.id), 0), h.version,
  t.amount, 0, 0::numeric, ARRAY(SELECT l.id FROM later l WHERE l.account_id = h.id ORDER BY l.id), '{{}}'::uuid[]
FROM held h LEFT JOIN theirs t ON t.counterparty_id = h.owner_id AND t.asset_code = h.asset_code
"""


# What a proof comes to, by which one run is held against another: items that do not agree, and what we hold at venues.
_DIFFERENCES = f"""
WITH {ITEMS} SELECT nostro, item, coalesce(stated, 0) - coalesce(posted, 0) FROM items WHERE coalesce(stated, 0) <> coalesce(posted, 0)
"""
_HELD = f"""
WITH {VENUE_LINES} SELECT h.owner_id, h.asset_code, h.amount - coalesce((SELECT sum(l.amount) FROM later l WHERE l.account_id = h.id), 0)
FROM held h
"""


def list_accounts(entity_id: UUID, on: date, closing_id: UUID | None) -> list[Account]:
    """Every nostro at the end of the business date, with what its statement says by what is known now.

    :param closing_id: of an earlier date: from where it is read; None: from the beginning
    """
    return [Account(*row) for row in db.run(_BALANCE, {"entity": entity_id, "on": on, "closing": closing_id})]


def list_carried(entity_id: UUID, on: date, closing_id: UUID | None) -> list[Carried]:
    """What a close of this date keeps of each nostro and each balance with a venue. Nothing is posted on the date any more.

    :param closing_id: of an earlier date: from where it is read; None: from the beginning
    """
    asked = {"entity": entity_id, "on": on, "closing": closing_id}
    return [Carried(*row) for row in [*db.run(_CARRIED, asked), *db.run(_VENUES_CARRIED, asked)]]


def list_figures(entity_id: UUID, on: date, closing_id: UUID | None) -> set[tuple[object, ...]]:
    """All that a run comes to: the same from whichever close it is read."""
    asked = {"entity": entity_id, "on": on, "closing": closing_id}
    return {*db.run(_DIFFERENCES, asked), *db.run(_BALANCE, asked), *db.run(_HELD, asked)}
