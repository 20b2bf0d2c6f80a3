"""The home page's figures of one business day."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from apps.core import db

from .late import LATE_TRANSFERS


@dataclass(frozen=True, slots=True)
class Day:
    """What was dealt on one business date."""

    deals: int
    hedges: int
    volume: list[tuple[str, Decimal, Decimal]]  # (quote asset, turnover, margin to mid), client deals
    by_hour: list[tuple[int, int]]  # (hour of the day in UTC, client deals)
    asked: int
    quoted: int
    filled: int

    @property
    def hit_percent(self) -> Decimal | None:
        """Deals per quoted request that has ended, in percent."""
        return None if not self.quoted else Decimal(self.filled * 100) / self.quoted


def get_day(day: date, bounds: tuple[datetime, datetime]) -> Day:
    """
    :param bounds: first instant of the business date and of the next
    """
    hours = db.run(
        "SELECT extract(hour FROM booked_at AT TIME ZONE 'UTC')::int, count(*) FROM trades_trade "
        "WHERE trade_date = %s AND kind = 'CLIENT' AND booked_at >= %s AND booked_at < %s GROUP BY 1 ORDER BY 1",
        [day, *bounds],
    )
    volume = db.run(
        """SELECT p.quote_id, sum(v.quote_quantity),
             coalesce(sum(CASE v.side WHEN 'buy' THEN v.price - v.reference_mid ELSE v.reference_mid - v.price END * v.quantity), 0)
           FROM trades_trade t JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = t.version
           JOIN instruments_pair p ON p.code = t.pair_id
           WHERE t.trade_date = %s AND t.kind = 'CLIENT' AND t.status = 'ACTIVE' GROUP BY 1 ORDER BY 2 DESC""",
        [day],
    )
    deals, hedges = db.one(
        "SELECT count(*) FILTER (WHERE kind = 'CLIENT'), count(*) FILTER (WHERE kind = 'HEDGE') FROM trades_trade WHERE trade_date = %s",
        [day],
    )
    asked, quoted, filled = db.one(
        """SELECT count(*), count(*) FILTER (WHERE ended_at IS NOT NULL AND EXISTS (SELECT 1 FROM rfqs_quote q WHERE q.rfq_id = r.id)),
             count(*) FILTER (WHERE status = 'FILLED')
           FROM rfqs_rfq r WHERE received_at >= %s AND received_at < %s""",
        list(bounds),
    )
    return Day(deals, hedges, [(a, v, m) for a, v, m in volume], [(h, n) for h, n in hours], asked, quoted, filled)


def find_last_day(until: date) -> date | None:
    """The last business date with a deal, at or before `until`."""
    row = db.one("SELECT max(trade_date) FROM trades_trade WHERE trade_date <= %s", [until])
    found: date | None = row[0]
    return found


@dataclass(frozen=True, slots=True)
class Due:
    today: int
    late: int
    moves: int
    ready: int
    blocked: int
    unmatched: int


def get_due(today: date) -> Due:
    """Open obligations due today and late, late transfers of our own money, instructions that wait for a release, blocked ones, and
    receipts nobody has matched.
    """
    due, late = db.one(
        "SELECT count(*) FILTER (WHERE value_date = %s), count(*) FILTER (WHERE value_date < %s) FROM settlement_obligation "
        "WHERE status NOT IN ('SETTLED', 'CANCELLED', 'CLOSED_OUT')",
        [today, today],
    )
    ready, blocked = db.one(
        "SELECT count(*) FILTER (WHERE status = 'READY'), count(*) FILTER (WHERE status = 'BLOCKED') FROM settlement_instruction "
        "WHERE direction IN ('PAY', 'DRAW') AND status IN ('READY', 'BLOCKED')"
    )
    (unmatched,) = db.one("SELECT count(*) FROM settlement_receipt WHERE status IN ('FINAL', 'CLEARED', 'QUARANTINED')")
    (moves,) = db.one(f"SELECT count(*) FROM ({LATE_TRANSFERS}) moves")  # noqa: S608 - every part is written in the house
    return Due(due, late, moves, ready, blocked, unmatched)
