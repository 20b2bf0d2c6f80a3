"""What the rules of monitoring look at, read across the house: one statement a fact."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from apps.core import db, money


@dataclass(frozen=True, slots=True)
class Deal:
    """A client's deal as it was dealt; `band` is what its account is quoted automatically, in USD."""

    id: UUID
    client_id: UUID
    client_name: str
    account_id: UUID
    pair: str
    base: str
    quote: str
    side: str
    price: Decimal
    mid: Decimal | None
    booked_at: datetime
    trade_day: str
    agreed_at: datetime | None
    band: Decimal


@dataclass(frozen=True, slots=True)
class Money:
    """A withdrawal or payment of a client."""

    id: UUID
    client_id: UUID
    client_name: str
    account_id: UUID
    asset: str
    amount: Decimal
    at: datetime


def find_deal(trade_id: UUID) -> Deal | None:
    """By its first version; None of what is no client's deal."""
    row = db.first(
        """SELECT t.id, c.id, c.name, t.account_id, t.pair_id, p.base_id, p.quote_id, v.side, v.price, v.reference_mid, t.booked_at,
             t.trade_date::text, g.agreed_at, m.auto_max_usd
           FROM trades_trade t JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = 1
           JOIN clients_counterparty c ON c.id = t.counterparty_id JOIN instruments_pair p ON p.code = t.pair_id
           JOIN clients_terms m ON m.id = t.terms_id LEFT JOIN rfqs_agreement g ON g.rfq_id = t.rfq_id
           WHERE t.id = %s AND t.kind = 'CLIENT'""",
        (trade_id,),
    )
    return None if row is None else Deal(*row)


def list_beside(deal: Deal, within: timedelta) -> list[Decimal]:
    """Quote amounts of the account's active deals of this pair and side in the time before it, its own among them."""
    rows = db.run(
        """SELECT v.quote_quantity FROM trades_trade t JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = t.version
           WHERE t.account_id = %s AND t.pair_id = %s AND t.status = 'ACTIVE' AND v.side = %s AND t.counterparty_id = %s
             AND t.booked_at > %s AND t.booked_at <= %s""",
        (deal.account_id, deal.pair, deal.side, deal.client_id, deal.booked_at - within, deal.booked_at),
    )
    return [Decimal(amount) for (amount,) in rows]


def find_withdrawal(withdrawal_id: UUID) -> Money | None:
    row = db.first(
        """SELECT w.id, c.id, c.name, w.account_id, w.asset_id, w.amount, w.requested_at FROM settlement_withdrawal w
           JOIN clients_account a ON a.id = w.account_id JOIN clients_counterparty c ON c.id = a.owner_id WHERE w.id = %s""",
        (withdrawal_id,),
    )
    return None if row is None else Money(*row)


def sum_deposits(one: Money, within: timedelta) -> tuple[Decimal, int]:
    """What was credited to the client in the asset in the time before, and how many deals it has done since the first of it."""
    total, first = db.one(
        """SELECT coalesce(sum(d.amount), 0), min(d.credited_at) FROM settlement_deposit d JOIN clients_account a ON a.id = d.account_id
           WHERE a.owner_id = %s AND d.asset_id = %s AND d.status = 'CREDITED' AND d.credited_at > %s AND d.credited_at <= %s""",
        (one.client_id, one.asset, one.at - within, one.at),
    )
    if first is None:
        return money.ZERO, 0
    (deals,) = db.one(
        "SELECT count(*) FROM trades_trade WHERE counterparty_id = %s AND kind = 'CLIENT' AND booked_at >= %s AND booked_at <= %s",
        (one.client_id, first, one.at),
    )
    return Decimal(total), int(deals)


def find_payment(instruction_id: UUID) -> tuple[Money, datetime, bool] | None:
    """A payment to a client with when its settlement instruction was proposed, and whether the account had one for the asset before.

    None of what is not paid on one, or on one out of the onboarding file.
    """
    row = db.first(
        """SELECT i.id, c.id, c.name, i.account_id, i.asset_id, i.amount, i.released_at, s.created_at,
             EXISTS (SELECT 1 FROM clients_ssi o WHERE o.account_id = s.account_id AND o.asset_code = s.asset_code AND o.id <> s.id
                     AND o.created_at < s.created_at AND o.status IN ('ACTIVE', 'SUSPENDED', 'REVOKED', 'EXPIRED'))
           FROM settlement_instruction i JOIN clients_ssi s ON s.id = i.ssi_id JOIN clients_account a ON a.id = i.account_id
           JOIN clients_counterparty c ON c.id = a.owner_id
           WHERE i.id = %s AND i.direction = 'PAY' AND i.released_at IS NOT NULL AND coalesce(s.proposed_by, s.entered_by) IS NOT NULL""",
        (instruction_id,),
    )
    return None if row is None else (Money(*row[:7]), row[7], row[8])


def find_hedge(trade_id: UUID) -> tuple[bool, list[str], str] | None:
    """Whether a hedge names what it is for, the requests of clients without consent that were open when it was dealt (same pair, a way
    that it would cover, from half to twice its quantity), and its execution id.
    """
    row = db.first(
        """SELECT t.covers_id IS NOT NULL OR h.rfq_id IS NOT NULL, t.pair_id, v.side, v.quantity, v.effective_at, t.execution_id
           FROM trades_trade t JOIN trades_hedge h ON h.trade_id = t.id JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = 1
           WHERE t.id = %s""",
        (trade_id,),
    )
    if row is None:
        return None
    linked, pair, side, quantity, at, execution = row
    asked = db.run(
        """SELECT c.code || ' ' || coalesce(r.client_rfq_id, r.id::text) FROM rfqs_rfq r JOIN clients_counterparty c ON c.id = r.client_id
           JOIN clients_terms m ON m.id = r.terms_id
           WHERE r.pair_id = %s AND r.side IN (%s, 'two_way') AND m.prehedge_consent = '' AND r.quantity BETWEEN %s / 2 AND %s * 2
             AND r.received_at <= %s AND (r.ended_at IS NULL OR r.ended_at > %s) AND r.received_at > %s - interval '1 hour'
           ORDER BY r.received_at LIMIT 5""",
        (pair, side, quantity, quantity, at, at, at),
    )
    return linked, [one for (one,) in asked], execution
