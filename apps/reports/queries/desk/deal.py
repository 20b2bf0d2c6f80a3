"""One deal from the request to its last payment: every row that belongs to it, and one timeline of what happened."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.core import db
from apps.core.errors import NotFound

from .where import parsed


@dataclass(frozen=True, slots=True)
class Head:
    """The request, the deal, or both, with who they are for."""

    trade_id: UUID | None
    rfq_id: UUID | None
    kind: str
    status: str
    client: str
    client_name: str
    client_id: UUID
    account_id: UUID | None
    account: str | None
    pair: str
    base: str
    quote_asset: str
    entity: str | None
    book: str | None
    source: str
    reference: str
    covers_id: UUID | None
    booked_at: datetime | None
    trade_date: date | None
    client_rfq_id: str | None
    rfq_side: str | None
    rfq_status: str | None
    rfq_quantity: Decimal | None
    rfq_quote_quantity: Decimal | None
    rfq_reasons: list[str]
    channel: str | None
    received_at: datetime | None
    end_reason: str
    member: str | None
    terms_version: int | None
    mode: str | None
    tier: str | None
    owner_id: UUID | None
    owner: str | None


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a quote: client price and amounts, with what the price was made of (bps)."""

    side: str
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    fee: Decimal
    pays: Decimal
    receives: Decimal
    reference: str
    trader_price: str
    parts: dict[str, str]
    headroom: dict[str, str]


@dataclass(frozen=True, slots=True)
class QuoteRow:
    id: UUID
    number: int
    status: str
    mid: Decimal
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    end_reason: str
    accepted_at: datetime | None
    accepted_side: str
    priced_by: str | None
    response_time_us: int | None
    provenance: dict[str, Any]
    sides: list[Side]


@dataclass(frozen=True, slots=True)
class VersionRow:
    number: int
    action: str
    reason: str
    side: str
    quantity: Decimal
    price: Decimal
    quote_quantity: Decimal
    fee: Decimal
    fee_asset: str
    pays: Decimal
    pays_asset: str
    receives: Decimal
    receives_asset: str
    value_date: date
    mid: Decimal | None
    trader_rate: Decimal | None
    effective_at: datetime
    recorded_at: datetime
    note: str
    consent: str
    maker: str | None
    checker: str | None

    @property
    def margin(self) -> Decimal | None:
        """What the client pays away from mid, in quote units."""
        if self.mid is None:
            return None
        return (self.price - self.mid if self.side == "buy" else self.mid - self.price) * self.quantity

    @property
    def margin_bps(self) -> Decimal | None:
        if self.mid is None:
            return None
        return (self.price - self.mid if self.side == "buy" else self.mid - self.price) / self.mid * 10_000


@dataclass(frozen=True, slots=True)
class ObligationRow:
    id: UUID
    asset: str
    direction: str
    amount: Decimal
    settled_amount: Decimal
    value_date: date
    status: str
    version: int
    net_leg_id: UUID | None
    net_set_id: UUID | None
    net_set_status: str | None
    net_direction: str | None
    net_amount: Decimal | None
    net_leg_status: str | None


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """An instruction of this deal's own obligation or of the net leg it went into."""

    id: UUID
    direction: str
    asset: str
    amount: Decimal
    status: str
    attempt: int
    due_date: date
    end_to_end_id: str
    rail_reference: str
    rail: str
    to: str | None
    failure: str
    blockers: list[Any]


@dataclass(frozen=True, slots=True)
class LineRow:
    kind: str
    owner: str | None
    asset: str
    amount: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: an event, or a ledger transaction with its lines. `at` is desk time, `recorded_at` wall time."""

    at: datetime
    recorded_at: datetime
    order: int
    kind: str
    actor_kind: str
    actor: str
    subject_type: str
    subject_id: UUID
    seq: int | None
    public: dict[str, Any]
    house: dict[str, Any]
    lines: list[LineRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Story:
    head: Head
    quotes: list[QuoteRow]
    versions: list[VersionRow]
    obligations: list[ObligationRow]
    payments: list[PaymentRow]
    hedges: list[tuple[UUID, str, str, Decimal, Decimal]]  # id, counterparty, side, quantity, price
    entries: list[Entry]

    @property
    def current(self) -> VersionRow | None:
        return self.versions[-1] if self.versions else None


_HEAD = """
SELECT t.id, coalesce(t.rfq_id, r.id), coalesce(t.kind, 'REQUEST'), coalesce(t.status, r.status), c.code, c.name, c.id, a.id,
  a.code, p.code, p.base_id, p.quote_id, e.code, b.code, coalesce(t.source, ''), coalesce(t.client_order_id, t.execution_id, ''),
  t.covers_id, t.booked_at,
  t.trade_date, r.client_rfq_id, r.side, r.status, r.quantity, r.quote_quantity, coalesce(r.reasons, '[]'), r.channel, r.received_at,
  coalesce(r.end_reason, ''), m.name, y.version, y.mode, y.tier, r.owner_id, u.username
FROM {source}
JOIN clients_counterparty c ON c.id = coalesce(t.counterparty_id, r.client_id)
JOIN instruments_pair p ON p.code = coalesce(t.pair_id, r.pair_id)
LEFT JOIN clients_account a ON a.id = coalesce(t.account_id, r.account_id)
LEFT JOIN clients_member m ON m.id = r.member_id
LEFT JOIN clients_terms y ON y.id = coalesce(t.terms_id, r.terms_id)
LEFT JOIN users_user u ON u.id = r.owner_id
LEFT JOIN instruments_bookingentity e ON e.id = t.entity_id
LEFT JOIN instruments_book b ON b.id = t.book_id
WHERE {which} = %s
"""
_OF_TRADE = _HEAD.format(source="trades_trade t LEFT JOIN rfqs_rfq r ON r.id = t.rfq_id", which="t.id")
_OF_RFQ = _HEAD.format(source="rfqs_rfq r LEFT JOIN trades_trade t ON t.rfq_id = r.id", which="r.id")


def get_story(*, trade_id: UUID | None = None, rfq_id: UUID | None = None) -> Story:
    """By the deal, or by the request where no deal came of it.

    :raises NotFound: there is none
    """
    row = db.first(_OF_TRADE, [trade_id]) if trade_id else db.first(_OF_RFQ, [rfq_id])
    if row is None:
        raise NotFound("no such deal" if trade_id else "no such request")
    head = Head(*parsed(row, 24))
    quotes = list_quotes(head.rfq_id)
    versions = _versions(head.trade_id)
    obligations = _obligations(head.trade_id)
    payments = _payments(obligations)
    subjects = [head.trade_id, head.rfq_id, *(q.id for q in quotes), *(p.id for p in payments)]
    for one in obligations:
        subjects += [one.id, one.net_leg_id, one.net_set_id]
    known = sorted({s for s in subjects if s is not None})
    return Story(head, quotes, versions, obligations, payments, _hedges(head.trade_id), _entries(known))


_PRICES = "{0}_price, {0}_quantity, {0}_quote_quantity, {0}_fee, {0}_client_pays, {0}_client_receives"
_QUOTES = f"""
SELECT q.id, q.number, q.status, q.reference_mid, q.created_at, q.expires_at, q.ended_at, q.end_reason, q.accepted_at, q.accepted_side,
  u.username, q.response_time_us, q.provenance, {_PRICES.format("buy")}, {_PRICES.format("sell")}
FROM rfqs_quote q LEFT JOIN users_user u ON u.id = q.priced_by_id WHERE q.rfq_id = %s ORDER BY q.number
"""  # noqa: S608


_MADE_OF: tuple[tuple[str, Any], ...] = (("reference", ""), ("trader_price", ""), ("parts", {}), ("headroom", {}))


def list_quotes(rfq_id: UUID | None) -> list[QuoteRow]:
    out = []
    for row in db.run(_QUOTES, [rfq_id]) if rfq_id else []:
        told = db.loads(row[12])
        sides = [
            Side(*[side, *amounts, *(told.get(name, {}).get(side, none) for name, none in _MADE_OF)])
            for side, amounts in (("sell", row[19:25]), ("buy", row[13:19]))
            if amounts[0] is not None
        ]  # fmt: skip
        out.append(QuoteRow(*[*row[:12], told, sides]))
    return out


def _versions(trade_id: UUID | None) -> list[VersionRow]:
    rows = db.run(
        """SELECT number, action, reason, side, quantity, price, quote_quantity, fee, fee_asset, pays, pays_asset, receives, receives_asset,
             value_date, reference_mid, trader_rate, effective_at, recorded_at, note, consent, m.username, c.username
           FROM trades_tradeversion v LEFT JOIN users_user m ON m.id = v.made_by LEFT JOIN users_user c ON c.id = v.checked_by
           WHERE trade_id = %s ORDER BY number""",
        [trade_id],
    )
    return [VersionRow(*row) for row in rows]


def _obligations(trade_id: UUID | None) -> list[ObligationRow]:
    rows = db.run(
        """SELECT o.id, o.asset_id, o.direction, o.amount, o.settled_amount, o.value_date, o.status, v.number, l.id, s.id, s.status,
             l.direction, l.amount, l.status
           FROM settlement_obligation o JOIN trades_tradeversion v ON v.id = o.version_id
           LEFT JOIN settlement_netleg l ON l.id = o.net_leg_id LEFT JOIN settlement_netset s ON s.id = l.net_set_id
           WHERE o.trade_id = %s ORDER BY v.number, o.direction""",
        [trade_id],
    )
    return [ObligationRow(*row) for row in rows]


def _payments(obligations: Sequence[ObligationRow]) -> list[PaymentRow]:
    if not obligations:
        return []
    rows = db.run(
        """SELECT i.id, i.direction, i.asset_id, i.amount, i.status, i.attempt, i.due_date, i.end_to_end_id, i.rail_reference, n.rail_id,
             coalesce(nullif(i.beneficiary_address, ''), s.address), i.failure,
             coalesce((SELECT blockers FROM settlement_gatedecision d WHERE d.instruction_id = i.id
                       ORDER BY decided_at DESC, id DESC LIMIT 1), '[]')
           FROM settlement_instruction i JOIN settlement_nostro n ON n.id = i.nostro_id LEFT JOIN clients_ssi s ON s.id = i.ssi_id
           WHERE i.obligation_id = ANY(%s) OR i.net_leg_id = ANY(%s) ORDER BY i.direction, i.asset_id, i.attempt""",
        [[o.id for o in obligations], [o.net_leg_id for o in obligations if o.net_leg_id]],
    )
    return [PaymentRow(*parsed(row, 12)) for row in rows]


def _hedges(trade_id: UUID | None) -> list[tuple[UUID, str, str, Decimal, Decimal]]:
    rows = db.run(
        """SELECT t.id, c.code, v.side, v.quantity, v.price FROM trades_trade t
           JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = t.version JOIN clients_counterparty c ON c.id = t.counterparty_id
           WHERE t.covers_id = %s ORDER BY t.booked_at, t.id""",
        [trade_id],
    )
    return [(a, b, c, d, e) for a, b, c, d, e in rows]


_EVENTS = """
SELECT effective_at, recorded_at, position, kind, actor_kind, actor_name, subject_type, subject_id, client_seq,
  coalesce(public, '{}'), house
FROM events_event WHERE subject_id = ANY(%s) ORDER BY position
"""
# What these subjects led to beside themselves: the approvals that released their payments, the receipts that paid them.
_BESIDE = """
SELECT (house->>'approval')::uuid FROM events_event WHERE subject_id = ANY(%(known)s) AND house ? 'approval'
UNION SELECT id FROM approvals_approval WHERE subject_id = ANY(%(known)s)
UNION SELECT id FROM approvals_approval WHERE kind = 'release' AND status = 'REQUESTED' AND payload->'instructions' ?| %(texts)s
UNION SELECT id FROM settlement_receipt WHERE instruction_id = ANY(%(known)s)
UNION SELECT receipt_id FROM settlement_receiptmatch WHERE instruction_id = ANY(%(known)s)
"""
_LEDGER = """
SELECT t.effective_at, t.recorded_at, t.id, t.kind, t.source_type, t.source_id, t.narrative, a.kind,
  coalesce(b.code, n.name, c.code, k.code), l.asset_code, l.amount, l.balance
FROM ledger_ledgertransaction t JOIN ledger_ledgerline l ON l.transaction_id = t.id JOIN ledger_ledgeraccount a ON a.id = l.account_id
LEFT JOIN clients_account b ON b.id = a.owner_id LEFT JOIN settlement_nostro n ON n.id = a.owner_id
LEFT JOIN clients_counterparty c ON c.id = a.owner_id LEFT JOIN instruments_book k ON k.id = a.book_id
WHERE t.source_id = ANY(%s) ORDER BY t.recorded_at, t.id, l.asset_code, l.amount < 0, l.id
"""


def _entries(known: list[UUID]) -> list[Entry]:
    """Events and ledger transactions of these subjects, their approvals and receipts, by desk time, then as they were recorded."""
    known += [row[0] for row in db.run(_BESIDE, {"known": known, "texts": [str(one) for one in known]})]
    out = [Entry(*parsed(row, 9, 10)) for row in db.run(_EVENTS, [known])]
    posted: dict[UUID, Entry] = {}
    for row in db.run(_LEDGER, [known]):
        at, recorded, txn, kind, source_type, source_id, narrative, *line = row
        if txn not in posted:
            posted[txn] = Entry(
                at, recorded, 0, "ledger.posted", "SYSTEM", "ledger", source_type, source_id, None, {}, {"kind": kind, "note": narrative}
            )
        posted[txn].lines.append(LineRow(*line))
    return sorted([*out, *posted.values()], key=lambda e: (e.at, e.recorded_at, e.order))


@dataclass(frozen=True, slots=True)
class Hit:
    """What a search found: where it leads and how it reads."""

    kind: str  # deal, request, client
    id: UUID
    code: str
    text: str


def search(words: str, limit: int = 20) -> list[Hit]:
    """Deals by the client's order id or an LP's execution id, requests by the client's id, clients by code or name: by beginnings."""
    begins = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    rows = db.run(
        """(SELECT 'client', c.id, c.code, c.name FROM clients_counterparty c
             WHERE c.code ILIKE %(b)s OR c.name ILIKE %(b)s ORDER BY c.code LIMIT %(n)s)
           UNION ALL (SELECT 'deal', t.id, coalesce(t.client_order_id, t.execution_id), t.pair_id FROM trades_trade t
             WHERE t.client_order_id LIKE %(b)s OR t.execution_id LIKE %(b)s ORDER BY t.booked_at DESC LIMIT %(n)s)
           UNION ALL (SELECT 'request', r.id, r.client_rfq_id, r.pair_id || ' ' || r.status FROM rfqs_rfq r
             WHERE r.client_rfq_id LIKE %(b)s ORDER BY r.received_at DESC LIMIT %(n)s)""",
        {"b": begins, "n": limit},
    )
    return [Hit(*row) for row in rows]
