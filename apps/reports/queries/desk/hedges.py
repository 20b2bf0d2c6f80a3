"""Hedges with what the LP's record says of them, its executions that are none of ours, and what lies at each LP and venue."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.core import db

from .where import Where


@dataclass(frozen=True, slots=True)
class HedgeRow:
    """`side` is ours; `covers` and `rfq_id` are what it lays off or was dealt ahead of."""

    id: UUID
    status: str
    executed_at: datetime
    trade_date: date
    lp: str
    book: str
    pair: str
    quote: str
    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    mid: Decimal | None
    execution_id: str
    source: str
    trader: str | None
    covers: UUID | None
    rfq_id: UUID | None
    differences: list[dict[str, str]]

    @property
    def slippage(self) -> Decimal | None:
        """Between mid and what it cost, in quote; above zero is better than mid."""
        if self.mid is None:
            return None
        return (self.mid - self.price if self.side == "buy" else self.price - self.mid) * self.quantity


@dataclass(frozen=True, slots=True)
class Unknown:
    """An execution in an LP's last record of its date that is no hedge of ours."""

    lp: str
    trade_date: date
    line: int
    execution_id: str
    pair: str
    side: str
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class AtLp:
    """What the ledger says lies at an LP or venue; below zero we owe it."""

    lp: str
    name: str
    asset: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Owed:
    """What is open between us and an OTC LP for one value date, in units of the asset; `receive`: it owes us."""

    lp: str
    name: str
    value_date: date
    asset: str
    receive: Decimal
    pay: Decimal
    hedges: int
    is_late: bool

    @property
    def net(self) -> Decimal:
        return self.receive - self.pay


_HEDGES = """
SELECT t.id, h.status, v.effective_at, t.trade_date, c.code, b.code, t.pair_id, v.fee_asset, v.side, v.quantity, v.price, v.fee,
  v.reference_mid, t.execution_id, t.source, u.username, t.covers_id, h.rfq_id, h.differences
FROM trades_hedge h
JOIN trades_trade t ON t.id = h.trade_id
JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = t.version
JOIN clients_counterparty c ON c.id = t.counterparty_id
JOIN instruments_book b ON b.id = t.book_id
LEFT JOIN users_user u ON u.id = v.trader_id
"""
_UNKNOWN = """
SELECT c.code, r.trade_date, f.line, f.execution_id, f.pair_code, f.side, f.quantity, f.price
FROM (SELECT DISTINCT ON (counterparty_id, trade_date) id, counterparty_id, trade_date FROM trades_lprecord
      ORDER BY counterparty_id, trade_date, imported_at DESC, id DESC) r
JOIN trades_lpfill f ON f.record_id = r.id
JOIN clients_counterparty c ON c.id = r.counterparty_id
WHERE NOT EXISTS (SELECT 1 FROM trades_trade t
                  WHERE t.counterparty_id = r.counterparty_id AND t.execution_id = f.execution_id AND t.status = 'ACTIVE')
  AND {where} ORDER BY r.trade_date DESC, c.code, f.line LIMIT %s
"""
_AT_LP = """
SELECT c.code, c.name, a.asset_code, a.amount FROM ledger_ledgeraccount a JOIN clients_counterparty c ON c.id = a.owner_id
WHERE a.kind = 'VENUE' AND a.amount <> 0 ORDER BY c.code, a.asset_code
"""


_OWED = """
SELECT c.code, c.name, o.value_date, o.asset_id, coalesce(sum(o.amount - o.settled_amount) FILTER (WHERE o.direction = 'RECEIVE'), 0),
  coalesce(sum(o.amount - o.settled_amount) FILTER (WHERE o.direction = 'PAY'), 0), count(DISTINCT o.trade_id),
  o.value_date < desk_now()::date
FROM settlement_obligation o JOIN trades_trade t ON t.id = o.trade_id JOIN clients_counterparty c ON c.id = t.counterparty_id
WHERE t.kind = 'HEDGE' AND o.status IN ('OPEN', 'NETTED', 'INSTRUCTED', 'PART_SETTLED') AND {where}
GROUP BY 1, 2, 3, 4 ORDER BY 3, 1, 4 LIMIT %s
"""


def list_of_day(day: date, limit: int, after: Sequence[Any] | None = None) -> list[HedgeRow]:
    """Hedges of a trade date, newest first, `after` (effective at, id)."""
    where = Where().add("t.trade_date = %s", day).row("(v.effective_at, t.id) < (%s, %s)", after)
    return _rows(f"{_HEDGES} WHERE {where.sql} ORDER BY v.effective_at DESC, t.id DESC LIMIT %s", [*where.params, limit])


def list_breaks(limit: int, after: Sequence[Any] | None = None) -> list[HedgeRow]:
    """Hedges that differ from the LP's record: open breaks, and confirmed ones that a later record contradicts. The oldest first, `after`
    (effective at, id)."""
    where = Where("(h.status = 'BREAK' OR (h.status = 'CONFIRMED' AND h.checked_by IS NULL AND h.differences <> '[]'))")
    where.row("(v.effective_at, t.id) > (%s, %s)", after)
    return _rows(f"{_HEDGES} WHERE {where.sql} ORDER BY v.effective_at, t.id LIMIT %s", [*where.params, limit])


def _rows(sql: str, params: list[Any]) -> list[HedgeRow]:
    return [HedgeRow(*values) for values in ([*row[:-1], db.loads(row[-1])] for row in db.run(sql, params))]


def list_unknown(limit: int, after: Sequence[Any] | None = None) -> list[Unknown]:
    """The last trade date first, `after` (trade date, LP, line)."""
    where = Where()
    if after is not None:
        where.row("(r.trade_date < %s OR r.trade_date = %s AND (c.code, f.line) > (%s, %s))", [after[0], *after])
    return [Unknown(*row) for row in db.run(_UNKNOWN.format(where=where.sql), [*where.params, limit])]


def list_at_lps() -> list[AtLp]:
    return [AtLp(*row) for row in db.run(_AT_LP)]


def list_owed(limit: int, after: Sequence[Any] | None = None) -> list[Owed]:
    """What hedges still bring and cost, the earliest value date first, `after` (value date, LP, asset)."""
    where = Where().row("(o.value_date, c.code, o.asset_id) > (%s, %s, %s)", after)
    return [Owed(*row) for row in db.run(_OWED.format(where=where.sql), [*where.params, limit])]
