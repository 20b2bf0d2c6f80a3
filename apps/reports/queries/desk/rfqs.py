"""The request screen: what is open, least time left first, and what has ended, newest first."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from apps.core import clock, db
from apps.pricing.rules.margin import Margin, over_cost
from apps.pricing.rules.spread import Side

from .where import Where, parsed

OPEN = ("RECEIVED", "PICKED_UP", "ON_HOLD", "QUOTED")
ENDED = ("FILLED", "CANCELLED", "DECLINED", "REJECTED", "EXPIRED")
WAITING = ("RECEIVED", "PICKED_UP", "ON_HOLD")
DONE = timedelta(seconds=5)  # that an ended request stays in sight among the open ones
LONGEST = timedelta(hours=1)  # no request lives longer (15 minutes to be priced, 2 minutes a quote): what is older is never looked through


@dataclass(frozen=True, slots=True)
class RfqRow:
    """One request with its last quote. Amounts in base or quote units as asked; `left_ms` by the desk clock, negative when over."""

    id: UUID
    client_rfq_id: str | None
    client: str
    client_name: str
    tier: str
    side: str
    pair: str
    base: str
    quote_asset: str
    quantity: Decimal | None
    quote_quantity: Decimal | None
    value_date: date
    status: str
    reasons: list[str]
    channel: str
    received_at: datetime
    ended_at: datetime | None
    end_reason: str
    life_ms: int
    left_ms: int
    bid: Decimal | None  # what the client gets when it sells
    ask: Decimal | None
    mid: Decimal | None
    bid_quantity: Decimal | None
    ask_quantity: Decimal | None
    costs: dict[str, str]  # by side, the book's average for the size when it was quoted
    owner_id: UUID | None
    owner: str | None
    owned_at: datetime | None
    quote_id: UUID | None  # the last one
    quote_number: int | None
    trade_id: UUID | None
    duplicate_of: UUID | None  # the same asked a moment before
    fair_use: str  # of the client: OK, SOFT (asks much, deals little) or HARD (stopped)
    markup_bps: Decimal  # of the terms it was asked under

    @property
    def news(self) -> str:
        """Changes when there is something new to be told about the request: it came, or the client named its limit."""
        return f"{self.id}-{self.quote_number}" if "COUNTERED" in self.reasons and self.status in WAITING else str(self.id)

    @property
    def is_over(self) -> bool:
        return self.left_ms <= 0

    @property
    def is_done(self) -> bool:
        return self.status in ENDED

    @property
    def margins(self) -> list[Margin]:
        """What each quoted side earns over the book, the bid first."""
        sides = ((Side.SELL, self.bid, self.bid_quantity), (Side.BUY, self.ask, self.ask_quantity))
        return [
            over_cost(side, cost=Decimal(self.costs[side]), rate=price, quantity=quantity)
            for side, price, quantity in sides
            if price is not None and quantity is not None and side in self.costs
        ]


_SELECT = """
SELECT r.id, r.client_rfq_id, c.code, c.name, t.tier, r.side, r.pair_id, p.base_id, p.quote_id, r.quantity, r.quote_quantity, r.value_date,
  r.status, r.reasons, r.channel, r.received_at, r.ended_at, r.end_reason,
  greatest(1, extract(epoch FROM d.deadline - d.began) * 1000)::bigint, (extract(epoch FROM d.deadline - now.at) * 1000)::bigint,
  q.sell_price, q.buy_price, q.reference_mid, q.sell_quantity, q.buy_quantity, coalesce(q.provenance->'reference', '{}'),
  r.owner_id, u.username,
  CASE WHEN r.owner_id IS NOT NULL AND r.ended_at IS NULL THEN
    (SELECT max(e.effective_at) FROM events_event e WHERE e.subject_id = r.id AND e.kind IN ('rfq.picked_up', 'rfq.taken_over')) END,
  q.id, q.number, x.id, r.duplicate_of, coalesce(f.level, 'OK'), t.markup_bps
FROM rfqs_rfq r
CROSS JOIN (SELECT desk_now() AS at OFFSET 0) now
JOIN clients_counterparty c ON c.id = r.client_id
JOIN clients_terms t ON t.id = r.terms_id
JOIN instruments_pair p ON p.code = r.pair_id
LEFT JOIN LATERAL (SELECT * FROM rfqs_quote WHERE rfq_id = r.id ORDER BY number DESC LIMIT 1) q ON true
LEFT JOIN users_user u ON u.id = r.owner_id
LEFT JOIN clients_fairuse f ON f.client_id = r.client_id
LEFT JOIN trades_trade x ON x.rfq_id = r.id
CROSS JOIN LATERAL (SELECT CASE WHEN r.status = 'QUOTED' THEN q.expires_at ELSE r.respond_by END AS deadline,
                           CASE WHEN r.status = 'QUOTED' THEN q.created_at ELSE r.received_at END AS began) d
"""


def _rows(sql: str, params: list[object]) -> list[RfqRow]:
    return [RfqRow(*parsed(row, 13, 25)) for row in db.run(_SELECT + sql, params)]


def list_active(*, client: str = "", pair: str = "", status: str = "", limit: int | None = None) -> list[RfqRow]:
    """Open requests, least time left first; those whose time is over but that no sweep has ended yet come last."""
    where = Where().add("r.status = ANY(%s)", list(OPEN)).add("r.received_at > %s", clock.desk_now() - LONGEST)
    where.add("c.code = %s", client).add("r.pair_id = %s", pair)
    where.add("r.status = ANY(%s)", list(WAITING)) if status == "waiting" else where.add("r.status = %s", status)
    return _rows(f" WHERE {where.sql} ORDER BY d.deadline <= now.at, d.deadline, r.id LIMIT %s", [*where.params, limit])


def list_just_ended(*, client: str = "", pair: str = "", limit: int = 12) -> list[RfqRow]:
    """Requests that ended in the last DONE_S seconds of desk time, the latest first."""
    where = Where().add("r.status = ANY(%s)", list(ENDED)).add("c.code = %s", client).add("r.pair_id = %s", pair)
    now = clock.desk_now()
    where.add("r.received_at > %s", now - LONGEST).add("r.ended_at > %s", now - DONE)
    return _rows(f" WHERE {where.sql} ORDER BY r.ended_at DESC, r.id LIMIT %s", [*where.params, limit])


def list_historic(
    *,
    client: str = "",
    pair: str = "",
    status: str = "",
    day: tuple[datetime, datetime] | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[RfqRow]:
    """Ended requests, newest first, after the keyset `before` (received at, id)."""
    where = Where().add("r.status = ANY(%s)", list(ENDED)).add("r.status = %s", status)
    where.add("c.code = %s", client).add("r.pair_id = %s", pair)
    where.row("r.received_at >= %s AND r.received_at < %s", day).row("(r.received_at, r.id) < (%s, %s)", before)
    return _rows(f" WHERE {where.sql} ORDER BY r.received_at DESC, r.id DESC LIMIT %s", [*where.params, limit])


def count_active() -> tuple[int, int]:
    """(open, of these waiting for a person), by the desk clock: a quote whose time is over is not open."""
    row = db.one(
        """SELECT count(*) FILTER (WHERE r.status <> 'QUOTED' OR q.expires_at > now.at), count(*) FILTER (WHERE r.status <> 'QUOTED')
           FROM rfqs_rfq r CROSS JOIN (SELECT desk_now() AS at OFFSET 0) now
           LEFT JOIN LATERAL (SELECT expires_at FROM rfqs_quote WHERE rfq_id = r.id ORDER BY number DESC LIMIT 1) q ON true
           WHERE r.status = ANY(%s) AND r.received_at > %s""",
        [list(OPEN), clock.desk_now() - LONGEST],
    )
    return row[0], row[1]
