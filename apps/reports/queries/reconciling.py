"""The four proofs against what others say: balances and lines of statements, hedges in the LP's record, balances at venues.

Each reads from the last close of an earlier date on, and what was open then.
"""

# ruff: noqa: S608 - every part is written here

from datetime import date, datetime, timedelta
from uuid import UUID

from apps.close.rules import Account, Found, Start, balance_break, item_kind
from apps.close.states import BreakProof
from apps.core import db, ids, money

from .movements import MOVEMENT, VENUE_LINES, VENUE_SAYS

# A statement that is not there, and one whose lines or balances do not follow one another: looked at once, and again while it is a break.
_STATEMENTS = """
SELECT 'NO_STATEMENT', n.id, n.name, n.asset_id, '',
  CASE WHEN c.read_at IS NULL THEN 'no statement was ever read'
    ELSE 'last read ' || to_char(c.read_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') || 'Z' END
FROM settlement_nostro n LEFT JOIN settlement_railcursor c ON c.nostro_id = n.id
WHERE n.entity_id = %(entity)s AND (c.read_at IS NULL OR c.read_at <
  CASE WHEN %(now)s >= %(until)s THEN %(until)s ELSE %(now)s - interval '1 day' END)
UNION ALL
SELECT 'OUT_OF_SEQUENCE', n.id, n.name, n.asset_id, ':' || s.sequence,
  CASE WHEN s.sequence <> coalesce(o.sequence, 0) + 1 THEN format('line %%s follows line %%s', s.sequence, coalesce(o.sequence, 0))
       ELSE format('line %%s: %%s and %%s make %%s, it says %%s', s.sequence, trim_scale(o.balance), trim_scale(s.amount),
                   trim_scale(o.balance + s.amount), trim_scale(s.balance)) END
FROM (
  SELECT n.id AS nostro, s.sequence, s.amount, s.balance FROM settlement_nostro n
  LEFT JOIN close_closingbalance b ON b.closing_id = %(closing)s AND b.kind = 'NOSTRO' AND b.owner_id = n.id
  CROSS JOIN LATERAL (SELECT * FROM settlement_statementline s WHERE s.nostro_id = n.id AND s.sequence > coalesce(b.sequence, 0)
    AND s.sequence <= (SELECT max(sequence) FROM settlement_statementline m WHERE m.nostro_id = n.id) OFFSET 0) s
  WHERE n.entity_id = %(entity)s
  UNION
  SELECT s.nostro_id, s.sequence, s.amount, s.balance FROM close_break b JOIN settlement_statementline s
    ON s.nostro_id = split_part(b.key, ':', 2)::uuid AND s.sequence = split_part(b.key, ':', 3)::bigint
  WHERE b.entity_id = %(entity)s AND b.status = 'OPEN' AND b.kind = 'OUT_OF_SEQUENCE'
) s
JOIN settlement_nostro n ON n.id = s.nostro
LEFT JOIN LATERAL (SELECT o.sequence, o.balance FROM settlement_statementline o WHERE o.nostro_id = s.nostro AND o.sequence < s.sequence
  ORDER BY o.sequence DESC LIMIT 1) o ON true
WHERE s.sequence <> coalesce(o.sequence, 0) + 1 OR o.balance + s.amount <> s.balance
ORDER BY 1, 3, 5
"""
# Records are looked at once, those of the day before a close twice, and again where a fill is a break, or a hedge was cancelled since.
# A record names no entity of ours: an unknown fill is a break of each that hedges with this LP, of all where none does.
_TRADE = """
SELECT CASE h.status WHEN 'BREAK' THEN 'DIFFERS' ELSE 'UNCONFIRMED' END, 'hedge:' || t.id, p.base_id, t.trade_date,
  format('%%s %%s with %%s: %%s', coalesce(t.execution_id, ''), t.pair_id, lp.code, CASE h.status WHEN 'BREAK' THEN
    coalesce((SELECT string_agg(format('%%s ours %%s theirs %%s', d->>'field', d->>'ours', d->>'theirs'), '; ')
              FROM jsonb_array_elements(h.differences) d), 'differs') ELSE 'not in the record of the LP' END)
FROM (SELECT trade_id, status, differences FROM trades_hedge WHERE status IN ('UNCONFIRMED', 'BREAK') OFFSET 0) h
CROSS JOIN LATERAL (SELECT * FROM trades_trade t WHERE t.id = h.trade_id OFFSET 0) t
JOIN clients_counterparty lp ON lp.id = t.counterparty_id JOIN instruments_pair p ON p.code = t.pair_id
WHERE t.entity_id = %(entity)s AND t.trade_date <= %(on)s
UNION ALL
SELECT 'NOT_OURS', 'fill:' || r.counterparty_id || ':' || f.execution_id, split_part(f.pair_code, '-', 1), r.trade_date,
  format('%%s %%s %%s %%s at %%s in the record of %%s is no hedge of ours', f.execution_id, f.side, trim_scale(f.quantity), f.pair_code,
         trim_scale(f.price), lp.code)
FROM (
  SELECT DISTINCT d.counterparty_id, d.trade_date, f.id FROM (
    SELECT counterparty_id, trade_date, NULL AS execution_id FROM trades_lprecord WHERE trade_date > %(since)s
    UNION SELECT counterparty_id, trade_date, NULL FROM trades_lprecord WHERE id >= %(made_after)s
    UNION SELECT split_part(b.key, ':', 2)::uuid, b.since, split_part(b.key, ':', 3) FROM close_break b
    WHERE b.entity_id = %(entity)s AND b.status = 'OPEN' AND b.kind = 'NOT_OURS'
    UNION SELECT t.counterparty_id, t.trade_date + late, t.execution_id
    FROM (SELECT trade_id FROM trades_tradeversion WHERE id >= %(made_after)s AND action = 'CANCEL' OFFSET 0) v
    CROSS JOIN LATERAL (SELECT * FROM trades_trade t WHERE t.id = v.trade_id AND t.kind = 'HEDGE' OFFSET 0) t
    CROSS JOIN generate_series(-1, 1) AS late
  ) d CROSS JOIN LATERAL (
    SELECT r.id FROM trades_lprecord r WHERE r.counterparty_id = d.counterparty_id AND r.trade_date = d.trade_date
    ORDER BY r.imported_at DESC, r.id DESC LIMIT 1
  ) r CROSS JOIN LATERAL (
    SELECT f.id FROM trades_lpfill f WHERE d.execution_id IS NULL AND f.record_id = r.id
    UNION ALL SELECT f.id FROM trades_lpfill f WHERE f.record_id = r.id AND f.execution_id = d.execution_id
  ) f WHERE d.trade_date <= %(on)s
) r
JOIN trades_lpfill f ON f.id = r.id JOIN clients_counterparty lp ON lp.id = r.counterparty_id
WHERE NOT EXISTS (SELECT 1 FROM trades_trade t WHERE t.counterparty_id = r.counterparty_id AND t.execution_id = f.execution_id
                  AND t.status = 'ACTIVE')
  AND ((SELECT true FROM trades_trade t WHERE t.kind = 'HEDGE' AND t.counterparty_id = r.counterparty_id AND t.entity_id = %(entity)s
        LIMIT 1)
    OR (SELECT true FROM trades_trade t WHERE t.kind = 'HEDGE' AND t.counterparty_id = r.counterparty_id LIMIT 1) IS NULL)
ORDER BY 2
"""
# A difference that was written off belongs to the day on which it was found, also where that was closed and the posting went on.
_POSITION = f"""
WITH {VENUE_LINES}, {VENUE_SAYS}, ours AS (
  SELECT h.owner_id, h.asset_code, h.amount - coalesce((SELECT sum(l.amount) FROM later l
    WHERE l.account_id = h.id AND (l.written_off_on IS NULL OR l.written_off_on > %(on)s)), 0) AS amount
  FROM held h
), going AS (
  SELECT p.venue_id, t.asset_id, coalesce(sum(t.amount - t.arrived) FILTER (WHERE t.target_id IS NULL), 0) AS there,
    coalesce(sum(i.amount - i.settled_amount) FILTER (WHERE t.source_id IS NULL AND i.status = 'SENT'), 0) AS back
  FROM settlement_housetransfer t JOIN settlement_venueplace p ON p.id = t.place_id
  JOIN settlement_instruction i ON i.house_transfer_id = t.id WHERE t.status = 'IN_TRANSIT' AND t.entity_id = %(entity)s GROUP BY 1, 2
), unexplained AS (
  SELECT venue_id, asset_id, sum(amount - fee) AS amount FROM settlement_venuemovement
  WHERE entity_id = %(entity)s AND transfer_id IS NULL AND amount <> 0 GROUP BY 1, 2
)
SELECT lp.id, lp.code, coalesce(o.asset_code, t.asset_code), coalesce(o.amount, 0), t.amount, coalesce(g.there, 0), coalesce(g.back, 0),
  coalesce(u.amount, 0)
FROM ours o FULL JOIN theirs t ON t.counterparty_id = o.owner_id AND t.asset_code = o.asset_code
JOIN clients_counterparty lp ON lp.id = coalesce(o.owner_id, t.counterparty_id)
LEFT JOIN going g ON g.venue_id = lp.id AND g.asset_id = coalesce(o.asset_code, t.asset_code)
LEFT JOIN unexplained u ON u.venue_id = lp.id AND u.asset_id = coalesce(o.asset_code, t.asset_code)
WHERE coalesce(o.amount, 0) <> coalesce(t.amount, 0) OR (t.amount IS NULL AND o.amount <> 0) ORDER BY lp.code, 3
"""

SLOWEST = timedelta(days=1)  # before a close: what began then and came in after it is looked at again
_MOVING = ("on its way there", "asked back", "in its record and explained by no transfer")  # beside a balance at a venue


def find_breaks(
    entity_id: UUID, on: date, accounts: list[Account], *, start: Start | None = None, until: datetime, now: datetime
) -> list[Found]:
    """Everything that does not agree at the end of the business date, by what is known now.

    :param accounts: of the same moment
    :param start: the last close of an earlier date, from which on it is read; None: from the beginning
    :param until: the instant at which the business date ends
    """
    asked = {"entity": entity_id, "on": on, "until": until, "now": now, **_from(start)}
    out = [found for one in accounts if (found := balance_break(one)) is not None]
    for kind, nostro, name, asset, place, words in db.run(_STATEMENTS, asked):
        out.append(Found(BreakProof.BALANCE, kind, f"nostro:{nostro}{place}", asset, None, f"{name}: {words}"))
    for nostro, name, asset, item, stated, posted, at, reference in db.run(MOVEMENT, asked):
        said, ours = stated or money.ZERO, posted or money.ZERO
        kind = item_kind(stated, posted)
        words = f"{name} {reference}".rstrip() + f": statement {_told(stated)}, ledger {_told(posted)}"
        detail = {"nostro": str(nostro), "statement": _told(stated), "ledger": _told(posted), "reference": reference}
        out.append(Found(BreakProof.MOVEMENT, kind, item, asset, said - ours, words, detail, since=at))
    for kind, key, asset, dealt, words in db.run(_TRADE, asked):
        out.append(Found(BreakProof.TRADE, kind, key, asset, None, words, since=dealt))
    for lp_id, lp, asset, ours, theirs, *moving in db.run(_POSITION, asked):
        kind, said = ("NO_BALANCE", "no record") if theirs is None else ("VENUE_DIFFERS", money.text(theirs))
        beside = {name: money.text(amount) for name, amount in zip(_MOVING, moving, strict=True) if amount}
        words = f"{lp} {asset}: they say {said}, ledger {money.text(ours)}" + "".join(f", {beside[name]} {name}" for name in beside)
        detail = {"venue": str(lp_id), "ledger": money.text(ours), "theirs": said, **beside}
        difference = None if theirs is None else theirs - ours
        out.append(Found(BreakProof.POSITION, kind, f"venue:{lp_id}:{asset}", asset, difference, words, detail))
    return out


def _from(start: Start | None) -> dict[str, object]:
    if start is None:
        return {"closing": None, "since": date.min, "made_after": UUID(int=0)}
    return {"closing": start.closing_id, "since": start.date, "made_after": ids.earliest(start.made_at - SLOWEST)}


def _told(amount: object) -> str:
    return "nothing" if amount is None else money.text(amount)  # type: ignore[arg-type]
