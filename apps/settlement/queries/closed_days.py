"""What falls on a day that the desk's calendar has closed."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from apps.core import db
from apps.settlement.models import Obligation


@dataclass(frozen=True, slots=True)
class Closed:
    """A day on which a currency's banks are closed by the desk's word."""

    currency: str
    day: date


@dataclass(frozen=True, slots=True)
class Misdated:
    """A deal or an adjustment with something that should be paid on a closed day."""

    trade_id: UUID | None
    adjustment_id: UUID | None
    closed: Closed


_CONCERNED = """
FROM (SELECT * FROM unnest(%s::text[], %s::date[]) AS c(currency, day)) c
JOIN settlement_obligation o ON o.value_date = c.day
LEFT JOIN trades_trade t ON t.id = o.trade_id
LEFT JOIN instruments_pair p ON p.code = t.pair_id
LEFT JOIN instruments_asset b ON b.code = p.base_id
LEFT JOIN instruments_asset q ON q.code = p.quote_id
WHERE (o.asset_id = c.currency OR p.base_id = c.currency OR p.quote_id = c.currency
       OR (c.currency = 'USD' AND b.kind = 'FIAT' AND q.kind = 'FIAT'))
"""
_MISDATED = f"""
SELECT DISTINCT o.trade_id, o.adjustment_id, c.currency, c.day {_CONCERNED}
  AND o.status = 'OPEN' AND o.settled_amount = 0 AND coalesce(t.kind, 'CLIENT') = 'CLIENT'
  AND NOT EXISTS (SELECT 1 FROM settlement_obligation f WHERE f.trade_id = o.trade_id AND f.value_date = c.day
                  AND (f.status IN ('NETTED', 'INSTRUCTED', 'PART_SETTLED') OR (f.status = 'OPEN' AND f.settled_amount > 0)))
  AND NOT (coalesce(o.trade_id, o.adjustment_id) = ANY (%s::uuid[]))
ORDER BY c.day, c.currency, o.trade_id, o.adjustment_id LIMIT %s
"""  # noqa: S608
_STUCK = f"""
SELECT DISTINCT o.id, c.currency, c.day {_CONCERNED}
  AND o.status IN ('OPEN', 'NETTED', 'INSTRUCTED', 'PART_SETTLED')
  AND (o.status <> 'OPEN' OR o.settled_amount > 0 OR t.kind <> 'CLIENT'
       OR EXISTS (SELECT 1 FROM settlement_obligation f WHERE f.trade_id = o.trade_id AND f.value_date = c.day
                  AND (f.status IN ('NETTED', 'INSTRUCTED', 'PART_SETTLED') OR (f.status = 'OPEN' AND f.settled_amount > 0))))
ORDER BY c.day, c.currency, o.id LIMIT %s
"""  # noqa: S608


def list_misdated(closed: Iterable[Closed], but: Collection[Misdated] = (), limit: int = 200) -> list[Misdated]:
    """What is OPEN on closed days and may have another date, by deal or adjustment; nothing is asked where no day is closed.

    :param but: of what this run has tried already
    """
    had = db.array(one.trade_id or one.adjustment_id for one in but)
    return [Misdated(trade, adjustment, Closed(currency, day)) for trade, adjustment, currency, day in _ask(_MISDATED, closed, had, limit)]


def list_stuck_on_closed(closed: Iterable[Closed], limit: int = 200) -> list[tuple[Obligation, Closed]]:
    """What is left to people: in a net set, instructed, paid in part, a part of such a deal, or owed with an LP."""
    found = {row[0]: Closed(row[1], row[2]) for row in _ask(_STUCK, closed, limit)}
    rows = Obligation.objects.filter(id__in=list(found)).select_related("account", "asset", "net_leg").order_by("value_date", "id")
    return [(one, found[one.id]) for one in rows]


def _ask(sql: str, closed: Iterable[Closed], *more: object) -> list[tuple]:  # type: ignore[type-arg]
    days = list(closed)
    if not days:
        return []
    return list(db.run(sql, (db.array(one.currency for one in days), db.array(one.day for one in days), *more)))
