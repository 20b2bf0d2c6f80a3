"""One request as its quote ticket shows it."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from apps.core import db
from apps.core.errors import NotFound
from apps.pricing.rules import Side

from .deal import QuoteRow, list_quotes
from .where import parsed


@dataclass(frozen=True, slots=True)
class Ticket:
    """`left_ms` and `life_ms` are of its open quote, or of the request while none is open; by the desk clock."""

    id: UUID
    client_rfq_id: str | None
    client: str
    client_name: str
    tier: str
    mode: str
    account: str
    side: str
    pair: str
    base: str
    quote_asset: str
    tick: Decimal
    quantity: Decimal | None
    quote_quantity: Decimal | None
    tenor: str
    value_date: date
    ttl_ms: int
    status: str
    reasons: list[str]
    channel: str
    is_stream: bool
    limit_side: str
    limit_price: Decimal | None
    received_at: datetime
    respond_by: datetime
    owner_id: UUID | None
    owner: str | None
    owned_at: datetime | None
    end_reason: str
    end_note: str
    trade_id: UUID | None
    sure_bps: Decimal
    refuse_bps: Decimal
    twin_id: UUID | None  # the request that this one seems to repeat
    twin: str | None
    twin_at: datetime | None
    life_ms: int
    left_ms: int

    @property
    def is_open(self) -> bool:
        return self.status in {"RECEIVED", "PICKED_UP", "ON_HOLD", "QUOTED"}

    @property
    def sides(self) -> tuple[Side, ...]:
        """The sides to price, the bid first: where the client sells."""
        return (Side.SELL, Side.BUY) if self.side == "two_way" else (Side(self.side),)

    @property
    def is_limited(self) -> bool:
        return self.limit_price is not None


_TICKET = """
SELECT r.id, r.client_rfq_id, c.code, c.name, t.tier, t.mode, a.code, r.side, r.pair_id, p.base_id, p.quote_id, p.tick, r.quantity,
  r.quote_quantity, r.tenor, r.value_date, r.ttl_ms, r.status, r.reasons, r.channel, r.stream, r.limit_side, r.limit_price, r.received_at,
  r.respond_by, r.owner_id, coalesce(nullif(trim(u.first_name || ' ' || u.last_name), ''), u.username),
  (SELECT max(e.effective_at) FROM events_event e WHERE e.subject_id = r.id AND e.kind IN ('rfq.picked_up', 'rfq.taken_over')),
  r.end_reason, r.end_note, x.id, o.sure_bps, o.refuse_bps, d.id, d.client_rfq_id, d.received_at,
  greatest(1, extract(epoch FROM coalesce(q.expires_at, r.respond_by) - coalesce(q.created_at, r.received_at)) * 1000)::bigint,
  (extract(epoch FROM coalesce(q.expires_at, r.respond_by) - now.at) * 1000)::bigint
FROM rfqs_rfq r
CROSS JOIN (SELECT desk_now() AS at OFFSET 0) now
JOIN clients_counterparty c ON c.id = r.client_id
JOIN clients_account a ON a.id = r.account_id
JOIN clients_terms t ON t.id = r.terms_id
JOIN instruments_pair p ON p.code = r.pair_id
JOIN pricing_pairpolicy o ON o.pair_code = r.pair_id
LEFT JOIN rfqs_rfq d ON d.id = r.duplicate_of
LEFT JOIN rfqs_quote q ON q.rfq_id = r.id AND q.status = 'OPEN'
LEFT JOIN users_user u ON u.id = r.owner_id
LEFT JOIN trades_trade x ON x.rfq_id = r.id
WHERE r.id = %s
"""


def get_ticket(rfq_id: UUID) -> Ticket:
    """
    :raises NotFound: no such request
    """
    row = db.first(_TICKET, [rfq_id])
    if row is None:
        raise NotFound("no such request")
    return Ticket(*parsed(row, 18))


def list_quotes_of(rfq_id: UUID) -> list[QuoteRow]:
    """Every price the request was given, the newest first."""
    return list_quotes(rfq_id)[::-1]
