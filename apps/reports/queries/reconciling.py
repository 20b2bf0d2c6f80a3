"""The four proofs against what others say: balances and lines of statements, hedges in the LP's record, balances at venues."""

# ruff: noqa: S608 - every part is written here

from datetime import date, datetime
from uuid import UUID

from apps.close.rules import Account, Found, balance_break, item_kind
from apps.close.states import BreakProof
from apps.core import db, money
from apps.instruments import queries as instruments

# Both sides of every movement of a nostro, under one name: a payment with its return, a receipt with its reversal, else the line itself.
# A posting of a line has its name by one sort of both: a join turns quadratic where the planner has no statistics yet.
_ITEMS = f"""
stated AS MATERIALIZED (
  SELECT n.id AS nostro, s.id AS line, {instruments.business_date_of("s.booked_at")} AS at, s.amount, s.reference,
    coalesce('payment:' || i.id, 'receipt:' || r.id, 'line:' || s.id) AS item
  FROM settlement_statementline s JOIN settlement_nostro n ON n.id = s.nostro_id JOIN instruments_bookingentity e ON e.id = n.entity_id
  LEFT JOIN settlement_instruction i ON s.end_to_end_id <> '' AND s.kind IN ('PAYMENT', 'RETURN')
    AND i.end_to_end_id = s.end_to_end_id AND i.nostro_id = n.id
  LEFT JOIN LATERAL (
    SELECT r.id FROM settlement_receipt r WHERE r.nostro_id = n.id AND (r.rail_reference = s.reference
      OR r.rail_reference = left(s.reference, 60) || '#' || s.sequence) ORDER BY length(r.rail_reference) DESC LIMIT 1) r ON i.id IS NULL
  WHERE n.entity_id = %(entity)s
), opening AS (
  SELECT n.id AS nostro, 'opening:' || n.id AS item, c.balance - coalesce(s.amount, 0) AS amount
  FROM settlement_nostro n JOIN settlement_railcursor c ON c.nostro_id = n.id
  LEFT JOIN (SELECT nostro, sum(amount) AS amount FROM stated GROUP BY nostro) s ON s.nostro = n.id WHERE n.entity_id = %(entity)s
), booked AS (
  SELECT n.id AS nostro, t.business_date AS at, l.amount, t.narrative AS reference,
    CASE WHEN t.source_type <> 'break' AND t.key LIKE 'line:%%' THEN split_part(t.key, ':', 2) END AS line,
    CASE WHEN t.source_type = 'break' THEN coalesce(b.key, t.id::text)
         WHEN t.key LIKE 'line:%%' THEN t.key
         WHEN t.source_type = 'instruction' THEN 'payment:' || t.source_id
         WHEN t.source_type = 'receipt' THEN 'receipt:' || t.source_id
         WHEN t.source_type = 'statement_line' THEN 'line:' || t.source_id
         WHEN t.source_type IN ('nostro', 'opening') THEN 'opening:' || n.id
         ELSE 'posting:' || coalesce(t.reverses_id, t.id) END AS item
  FROM settlement_nostro n JOIN ledger_ledgeraccount a ON a.owner_id = n.id AND a.kind = 'NOSTRO'
  JOIN ledger_ledgerline l ON l.account_id = a.id JOIN ledger_ledgertransaction t ON t.id = l.transaction_id
  LEFT JOIN close_break b ON t.source_type = 'break' AND b.id = t.source_id
  WHERE n.entity_id = %(entity)s
), posted AS MATERIALIZED (
  SELECT nostro, at, amount, reference, coalesce(of_line, item) AS item FROM (
    SELECT both_sides.*, max(item) FILTER (WHERE ours IS FALSE) OVER (PARTITION BY line) AS of_line
    FROM (SELECT true AS ours, nostro, at, amount, reference, line, item FROM booked
          UNION ALL SELECT false, nostro, at, amount, reference, line::text, item FROM stated) both_sides) named WHERE ours
), s AS (
  SELECT nostro, item, sum(amount) AS amount, coalesce(sum(amount) FILTER (WHERE at <= %(on)s), 0) AS until, min(at) AS at,
    min(reference) AS reference
  FROM (SELECT nostro, item, amount, at, reference FROM stated
        UNION ALL SELECT nostro, item, amount, date '0001-01-01', '' FROM opening WHERE amount <> 0) both_kinds GROUP BY nostro, item
), p AS (
  SELECT nostro, item, sum(amount) AS amount, coalesce(sum(amount) FILTER (WHERE at <= %(on)s), 0) AS until, min(at) AS at,
    min(reference) AS reference
  FROM posted WHERE item NOT LIKE 'nostro:%%' GROUP BY nostro, item
), items AS MATERIALIZED (
  SELECT coalesce(s.nostro, p.nostro) AS nostro, coalesce(s.item, p.item) AS item, s.amount AS stated, p.amount AS posted,
    coalesce(s.until, 0) - coalesce(p.until, 0) AS until, least(s.at, p.at) AS at,
    coalesce(nullif(s.reference, ''), p.reference, '') AS reference
  FROM s FULL JOIN p ON p.nostro = s.nostro AND p.item = s.item
)
"""
_MOVEMENT = f"""
WITH {_ITEMS}
SELECT n.id, n.name, n.asset_id, i.item, i.stated, i.posted, i.at, i.reference FROM items i JOIN settlement_nostro n ON n.id = i.nostro
WHERE coalesce(i.stated, 0) <> coalesce(i.posted, 0) AND i.at <= %(on)s AND i.item NOT LIKE 'opening:%%'
ORDER BY n.asset_id, n.designation, i.at, i.item
"""
# What is of no item (the opening balance, a difference that was written off) has no date on the statement: posted later, it is timing.
_BALANCE = f"""
WITH {_ITEMS}, late AS (
  SELECT nostro, coalesce(sum(until) FILTER (WHERE coalesce(stated, 0) = coalesce(posted, 0)), 0) AS timing,
    coalesce(sum(until) FILTER (WHERE coalesce(stated, 0) <> coalesce(posted, 0)), 0) AS unmatched
  FROM items WHERE item NOT LIKE 'opening:%%' GROUP BY nostro
), later AS (
  SELECT nostro, sum(amount) AS amount, sum(amount) FILTER (WHERE item LIKE 'opening:%%' OR item LIKE 'nostro:%%') AS of_no_item
  FROM posted WHERE at > %(on)s GROUP BY nostro
), unread AS (
  SELECT nostro, sum(amount) AS amount FROM stated WHERE at > %(on)s GROUP BY nostro
)
SELECT n.id::text, n.name, n.asset_id,
  coalesce((SELECT a.amount FROM ledger_ledgeraccount a WHERE a.owner_id = n.id AND a.kind = 'NOSTRO'), 0) - coalesce(later.amount, 0),
  coalesce((SELECT a.amount FROM ledger_ledgeraccount a WHERE a.owner_id = n.id AND a.kind = 'IN_TRANSIT'), 0),
  c.balance - coalesce(unread.amount, 0), coalesce(late.timing, 0) + coalesce(later.of_no_item, 0), coalesce(late.unmatched, 0)
FROM settlement_nostro n LEFT JOIN settlement_railcursor c ON c.nostro_id = n.id LEFT JOIN late ON late.nostro = n.id
LEFT JOIN later ON later.nostro = n.id LEFT JOIN unread ON unread.nostro = n.id
WHERE n.entity_id = %(entity)s ORDER BY n.asset_id, n.designation
"""
# A statement that is not there, and one whose lines or balances do not follow one another.
_STATEMENTS = """
SELECT 'NO_STATEMENT', n.id, n.name, n.asset_id, '',
  CASE WHEN c.read_at IS NULL THEN 'no statement was ever read'
    ELSE 'last read ' || to_char(c.read_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || 'Z' END
FROM settlement_nostro n LEFT JOIN settlement_railcursor c ON c.nostro_id = n.id
WHERE n.entity_id = %(entity)s AND (c.read_at IS NULL OR c.read_at <
  CASE WHEN %(now)s >= %(until)s THEN %(until)s ELSE %(now)s - interval '1 day' END)
UNION ALL
SELECT 'OUT_OF_SEQUENCE', n.id, n.name, n.asset_id, ':' || s.sequence,
  CASE WHEN s.sequence <> coalesce(s.before, 0) + 1 THEN format('line %%s follows line %%s', s.sequence, coalesce(s.before, 0))
       ELSE format('line %%s: %%s and %%s make %%s, it says %%s', s.sequence, trim_scale(s.last), trim_scale(s.amount),
                   trim_scale(s.last + s.amount), trim_scale(s.balance)) END
FROM (SELECT nostro_id, sequence, amount, balance, lag(sequence) OVER w AS before, lag(balance) OVER w AS last FROM settlement_statementline
      WINDOW w AS (PARTITION BY nostro_id ORDER BY sequence)) s
JOIN settlement_nostro n ON n.id = s.nostro_id AND n.entity_id = %(entity)s
WHERE s.sequence <> coalesce(s.before, 0) + 1 OR s.last + s.amount <> s.balance
ORDER BY 1, 3, 5
"""
# A record names no entity of ours: an unknown fill is a break of each that hedges with this LP, of all where none does.
_TRADE = """
SELECT CASE h.status WHEN 'BREAK' THEN 'DIFFERS' ELSE 'UNCONFIRMED' END, 'hedge:' || t.id, p.base_id, t.trade_date,
  format('%%s %%s with %%s: %%s', coalesce(t.execution_id, ''), t.pair_id, lp.code, CASE h.status WHEN 'BREAK' THEN
    coalesce((SELECT string_agg(format('%%s ours %%s theirs %%s', d->>'field', d->>'ours', d->>'theirs'), '; ')
              FROM jsonb_array_elements(h.differences) d), 'differs') ELSE 'not in the record of the LP' END)
FROM trades_hedge h JOIN trades_trade t ON t.id = h.trade_id JOIN clients_counterparty lp ON lp.id = t.counterparty_id
JOIN instruments_pair p ON p.code = t.pair_id
WHERE t.entity_id = %(entity)s AND t.trade_date <= %(on)s AND h.status IN ('UNCONFIRMED', 'BREAK')
UNION ALL
SELECT 'NOT_OURS', 'fill:' || r.counterparty_id || ':' || f.execution_id, split_part(f.pair_code, '-', 1), r.trade_date,
  format('%%s %%s %%s %%s at %%s in the record of %%s is no hedge of ours', f.execution_id, f.side, trim_scale(f.quantity), f.pair_code,
         trim_scale(f.price), lp.code)
FROM (SELECT DISTINCT ON (counterparty_id, trade_date) id, counterparty_id, trade_date FROM trades_lprecord WHERE trade_date <= %(on)s
      ORDER BY counterparty_id, trade_date, imported_at DESC, id DESC) r
JOIN trades_lpfill f ON f.record_id = r.id JOIN clients_counterparty lp ON lp.id = r.counterparty_id
WHERE NOT EXISTS (SELECT 1 FROM trades_trade t WHERE t.counterparty_id = r.counterparty_id AND t.execution_id = f.execution_id
                  AND t.status = 'ACTIVE')
  AND (EXISTS (SELECT 1 FROM trades_hedge h JOIN trades_trade t ON t.id = h.trade_id
               WHERE t.counterparty_id = r.counterparty_id AND t.entity_id = %(entity)s)
    OR NOT EXISTS (SELECT 1 FROM trades_hedge h JOIN trades_trade t ON t.id = h.trade_id WHERE t.counterparty_id = r.counterparty_id))
ORDER BY 2
"""
# A difference that was written off belongs to the day on which it was found, also where that was closed and the posting went on.
_POSITION = """
WITH ours AS (
  SELECT a.owner_id, a.asset_code, a.amount - coalesce((SELECT sum(l.amount) FROM ledger_ledgerline l JOIN ledger_ledgertransaction t
    ON t.id = l.transaction_id LEFT JOIN close_break b ON t.source_type = 'break' AND b.id = t.source_id
    WHERE l.account_id = a.id AND t.business_date > %(on)s AND (b.since IS NULL OR b.since > %(on)s)), 0) AS amount
  FROM ledger_ledgeraccount a WHERE a.entity_id = %(entity)s AND a.kind = 'VENUE'
), theirs AS (
  SELECT DISTINCT ON (v.counterparty_id, v.asset_code) v.counterparty_id, v.asset_code, v.amount FROM close_venuebalance v
  WHERE v.entity_id = %(entity)s AND v.date = %(on)s ORDER BY v.counterparty_id, v.asset_code, v.imported_at DESC, v.id DESC
)
SELECT lp.id, lp.code, coalesce(o.asset_code, t.asset_code), coalesce(o.amount, 0), t.amount
FROM ours o FULL JOIN theirs t ON t.counterparty_id = o.owner_id AND t.asset_code = o.asset_code
JOIN clients_counterparty lp ON lp.id = coalesce(o.owner_id, t.counterparty_id)
WHERE coalesce(o.amount, 0) <> coalesce(t.amount, 0) OR (t.amount IS NULL AND o.amount <> 0) ORDER BY lp.code, 3
"""


def list_accounts(entity_id: UUID, on: date) -> list[Account]:
    """Every nostro at the end of the business date, with what its statement says by what is known now."""
    return [Account(*row) for row in db.run(_BALANCE, {"entity": entity_id, "on": on})]


def find_breaks(entity_id: UUID, on: date, accounts: list[Account], *, until: datetime, now: datetime) -> list[Found]:
    """Everything that does not agree at the end of the business date, by what is known now.

    :param accounts: of the same moment
    :param until: the instant at which the business date ends
    """
    asked = {"entity": entity_id, "on": on, "until": until, "now": now}
    out = [found for one in accounts if (found := balance_break(one)) is not None]
    for kind, nostro, name, asset, place, words in db.run(_STATEMENTS, asked):
        out.append(Found(BreakProof.BALANCE, kind, f"nostro:{nostro}{place}", asset, None, f"{name}: {words}"))
    for nostro, name, asset, item, stated, posted, at, reference in db.run(_MOVEMENT, asked):
        said, ours = stated or money.ZERO, posted or money.ZERO
        kind = item_kind(stated, posted)
        words = f"{name} {reference}".rstrip() + f": statement {_told(stated)}, ledger {_told(posted)}"
        detail = {"nostro": str(nostro), "statement": _told(stated), "ledger": _told(posted), "reference": reference}
        out.append(Found(BreakProof.MOVEMENT, kind, item, asset, said - ours, words, detail, since=at))
    for kind, key, asset, dealt, words in db.run(_TRADE, asked):
        out.append(Found(BreakProof.TRADE, kind, key, asset, None, words, since=dealt))
    for lp_id, lp, asset, ours, theirs in db.run(_POSITION, asked):
        kind, said = ("NO_BALANCE", "no record") if theirs is None else ("VENUE_DIFFERS", money.text(theirs))
        words = f"{lp} {asset}: they say {said}, ledger {money.text(ours)}"
        detail = {"venue": str(lp_id), "ledger": money.text(ours), "theirs": said}
        difference = None if theirs is None else theirs - ours
        out.append(Found(BreakProof.POSITION, kind, f"venue:{lp_id}:{asset}", asset, difference, words, detail))
    return out


def _told(amount: object) -> str:
    return "nothing" if amount is None else money.text(amount)  # type: ignore[arg-type]
