"""The blotter: deals with their economics and the state of each leg, by keyset, with totals of the same filter."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.core import db

from .where import Where

Place = tuple[datetime, UUID]  # booked at, id: the last row seen


@dataclass(frozen=True, slots=True)
class Filter:
    """What the page's form says; empty means all. `settlement` is open, settled or late."""

    client: str = ""
    pair: str = ""
    kind: str = ""
    status: str = ""
    settlement: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class DealRow:
    """A deal as of its current version. `side` is the client's, of a hedge ours; amounts in units of their asset."""

    id: UUID
    kind: str
    status: str
    version: int
    booked_at: datetime
    trade_date: date
    pair: str
    base: str
    quote: str
    counterparty: str
    counterparty_name: str
    book: str
    side: str
    quantity: Decimal
    price: Decimal
    quote_quantity: Decimal
    fee: Decimal
    fee_asset: str
    value_date: date
    mid: Decimal | None
    source: str
    reference: str
    we_pay: str | None  # state of the leg we pay, None where nothing is owed
    we_receive: str | None

    @property
    def margin(self) -> Decimal | None:
        """What the client pays away from mid, in quote units; None for deals without a mid."""
        if self.mid is None:
            return None
        return (self.price - self.mid if self.side == "buy" else self.mid - self.price) * self.quantity

    @property
    def margin_bps(self) -> Decimal | None:
        if self.mid is None:
            return None
        return (self.price - self.mid if self.side == "buy" else self.mid - self.price) / self.mid * 10_000

    @property
    def place(self) -> Place:
        return self.booked_at, self.id


@dataclass(frozen=True, slots=True)
class Total:
    """One pair's deals of a filter: base bought and sold by clients, hedged by us (net, long positive), turnover and margin in quote."""

    pair: str
    base: str
    quote: str
    deals: int
    bought: Decimal
    sold: Decimal
    hedged: Decimal
    turnover: Decimal
    margin: Decimal
    fees: Decimal

    @property
    def net(self) -> Decimal:
        """What these deals add to our position in the base asset, long positive."""
        return self.sold - self.bought + self.hedged


_FROM = """
FROM trades_trade t
JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = t.version
JOIN clients_counterparty c ON c.id = t.counterparty_id
JOIN instruments_pair p ON p.code = t.pair_id
"""
_ROW = """
SELECT t.id, t.kind, t.status, t.version, t.booked_at, t.trade_date, t.pair_id, p.base_id, p.quote_id, c.code, c.name, b.code, v.side,
  v.quantity, v.price, v.quote_quantity, v.fee, v.fee_asset, v.value_date, v.reference_mid, t.source,
  coalesce(t.client_order_id, t.execution_id, ''), s.pay, s.receive
"""
_LEGS = """
JOIN instruments_book b ON b.id = t.book_id
LEFT JOIN LATERAL (
  SELECT max(o.status) FILTER (WHERE o.direction = 'PAY') AS pay, max(o.status) FILTER (WHERE o.direction = 'RECEIVE') AS receive
  FROM settlement_obligation o WHERE o.trade_id = t.id AND o.status <> 'CANCELLED') s ON true
"""
_OWES = "(SELECT 1 FROM settlement_obligation o WHERE o.trade_id = t.id AND o.status NOT IN ('SETTLED', 'CANCELLED', 'CLOSED_OUT')"
_SETTLEMENT = {
    "open": f"EXISTS {_OWES})",
    "settled": f"NOT EXISTS {_OWES})",
    "late": f"EXISTS {_OWES} AND o.value_date < desk_now()::date)",
}


def _where(chosen: Filter) -> Where:
    where = Where(*([_SETTLEMENT[chosen.settlement]] if chosen.settlement in _SETTLEMENT else []))
    where.add("c.code = %s", chosen.client).add("t.pair_id = %s", chosen.pair).add("t.kind = %s", chosen.kind)
    where.add("t.status = %s", chosen.status).add("t.trade_date >= %s", chosen.since).add("t.trade_date <= %s", chosen.until)
    return where


def list_page(chosen: Filter, *, before: Place | None = None, limit: int = 50) -> list[DealRow]:
    """Newest first; the next page begins after the last row's `place`, so that new deals never shift it."""
    where = _where(chosen).row("(t.booked_at, t.id) < (%s, %s)", before)
    sql = f"{_ROW}{_FROM}{_LEGS} WHERE {where.sql} ORDER BY t.booked_at DESC, t.id DESC LIMIT %s"
    return [DealRow(*row) for row in db.run(sql, [*where.params, limit])]


def walk(chosen: Filter, *, page: int = 1000) -> Iterator[DealRow]:
    """All rows of the filter for a file, page by page."""
    before: Place | None = None
    while True:
        rows = list_page(chosen, before=before, limit=page)
        yield from rows
        if len(rows) < page:
            return
        before = rows[-1].place


def totals(chosen: Filter) -> list[Total]:
    where = _where(chosen).add("t.status = %s", "ACTIVE")
    sql = f"""
SELECT t.pair_id, p.base_id, p.quote_id, count(*),
  coalesce(sum(v.quantity) FILTER (WHERE t.kind = 'CLIENT' AND v.side = 'buy'), 0),
  coalesce(sum(v.quantity) FILTER (WHERE t.kind = 'CLIENT' AND v.side = 'sell'), 0),
  coalesce(sum(CASE v.side WHEN 'buy' THEN v.quantity ELSE -v.quantity END) FILTER (WHERE t.kind = 'HEDGE'), 0),
  sum(v.quote_quantity),
  coalesce(sum(CASE v.side WHEN 'buy' THEN v.price - v.reference_mid ELSE v.reference_mid - v.price END * v.quantity)
    FILTER (WHERE t.kind = 'CLIENT'), 0),
  sum(v.fee)
{_FROM} WHERE {where.sql} GROUP BY 1, 2, 3 ORDER BY 1"""
    return [Total(*row) for row in db.run(sql, where.params)]


def clients_and_pairs() -> tuple[list[tuple[str, str]], list[str]]:
    """What the filters offer: (code, name) of every counterparty, and the pairs."""
    clients = [(code, name) for code, name in db.run("SELECT code, name FROM clients_counterparty ORDER BY code")]
    return clients, [code for (code,) in db.run("SELECT code FROM instruments_pair WHERE active ORDER BY code")]
