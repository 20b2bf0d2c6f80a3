"""Open a request, quote it, and end either in one of the ways of states.py."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.core import db, ids
from apps.core.unit import step
from apps.events import operations as events

from . import queries, rules
from .errors import DuplicateRfq, QuoteAnswered, QuoteWithdrawn, RfqClosed
from .models import Quote, Rfq
from .queries import Deal, Dealing, describe_quote, describe_rfq
from .states import QUOTE, RFQ, QuoteStatus, RfqStatus, Side

AMOUNTS = ("price", "quantity", "quote_quantity", "fee", "client_pays", "client_receives")


@dataclass(frozen=True, slots=True)
class Ask:
    """What a client asks for, as it was read off the wire."""

    client_rfq_id: str
    pair: str
    side: Side
    quantity: Decimal | None
    quote_quantity: Decimal | None
    tenor: str
    ttl_ms: int
    respond_within_ms: int
    channel: str = "API"


@step
def open_rfq(
    *, rfq_id: UUID, dealing: Dealing, ask: Ask, value_date: date, member_id: UUID | None, reasons: list[str], now: datetime
) -> Rfq:
    """A request that waits for a person.

    :raises DuplicateRfq: the client used this id before
    """
    rfq = _rfq(rfq_id, dealing, ask, value_date, member_id, now, RfqStatus.RECEIVED, reasons)
    db.insert(rfq, refuse={"rfq_client_id": DuplicateRfq(ask.client_rfq_id)})
    _tell(rfq, "rfq.received", describe_rfq(rfq, None, dealing.account_code), {"reasons": reasons})
    return rfq


@step
def open_quoted(
    *,
    rfq_id: UUID,
    dealing: Dealing,
    ask: Ask,
    value_date: date,
    member_id: UUID | None,
    prices: Mapping[Side, Mapping[str, Decimal]],
    reference_mid: Decimal,
    provenance: dict[str, Any],
    response_time_us: int,
    now: datetime,
) -> tuple[Rfq, Quote]:
    """A request with its firm automatic quote, in one statement. The quote lives `ttl_ms` from the desk's time `now`.

    :param prices: per side the six final amounts of AMOUNTS
    :raises DuplicateRfq: the client used this id before
    """
    rfq = _rfq(rfq_id, dealing, ask, value_date, member_id, now, RfqStatus.QUOTED, [])
    quote = Quote(
        id=ids.uuid7(),
        rfq=rfq,
        reference_mid=reference_mid,
        provenance=provenance,
        created_at=now,
        expires_at=now + timedelta(milliseconds=ask.ttl_ms),
        response_time_us=response_time_us,
        **{f"{side}_{name}": amounts[name] for side, amounts in prices.items() for name in AMOUNTS},
    )
    db.insert(rfq, quote, refuse={"rfq_client_id": DuplicateRfq(ask.client_rfq_id)})
    _tell(rfq, "rfq.quoted", describe_rfq(rfq, quote, dealing.account_code), {"parts": provenance["parts"]})
    return rfq, quote


@step
def accept(*, quote_id: UUID, deal: Deal, side: Side, price: Decimal, now: datetime) -> Quote:
    """Close a live quote and its request. The caller holds the client's credit line or balance.

    :param now: the instant the accept was received, read before any lock was waited for
    :raises QuoteExpired, QuoteAnswered, QuoteWithdrawn, QuoteSuperseded: it was no longer executable
    :raises PriceMismatch: the echoed price or side is not the quote's
    """
    quote, rfq = queries.lock_quote(quote_id, rfq_id=deal.rfq_id)
    rules.require_live(
        quote.status,
        expires_at=quote.expires_at,
        received=now,
        ended_at=quote.ended_at,
        min_life=timedelta(milliseconds=deal.min_life_ms),
    )
    if deal.halted_at is not None and deal.halted_at <= now:
        raise QuoteWithdrawn("dealing was stopped before the accept was received", reason="KILL_SWITCH")
    if rfq.status != RfqStatus.QUOTED:
        raise QuoteAnswered(f"the request is {rfq.status}")
    rules.require_same_price(getattr(quote, f"{side}_price"), price, side)
    QUOTE.move(quote, QuoteStatus.ACCEPTED)
    RFQ.move(rfq, RfqStatus.FILLED)
    quote.accepted_at, quote.accepted_side, quote.ended_at = now, str(side), now
    db.send(
        "WITH q AS (UPDATE rfqs_quote SET status = 'ACCEPTED', accepted_at = %s, accepted_side = %s, ended_at = %s WHERE id = %s) "
        "UPDATE rfqs_rfq SET status = 'FILLED', ended_at = %s WHERE id = %s",
        (now, str(side), now, quote_id, now, deal.rfq_id),
    )
    events.record(
        "quote.accepted",
        subject_type="quote",
        subject_id=quote.id,
        client_id=deal.client_id,
        account_id=deal.account_id,
        public={"id": ids.encode("quo", quote.id), "rfq_id": ids.encode("rfq", deal.rfq_id), "status": "ACCEPTED", "side": str(side)},
        house={"rfq": str(deal.rfq_id)},
        at=now,
    )
    return quote


@step
def decline(*, quote_id: UUID, deal: Deal, now: datetime) -> Quote:
    """The client says no; its request ends with it.

    :raises QuoteExpired, QuoteAnswered, QuoteWithdrawn, QuoteSuperseded
    """
    quote, rfq = queries.lock_quote(quote_id, rfq_id=deal.rfq_id)
    rules.require_live(quote.status, expires_at=quote.expires_at, received=now, ended_at=quote.ended_at, min_life=timedelta())
    _end_quote(quote, QuoteStatus.DECLINED, now)
    return _end_with(quote, queries.lock_rfq(rfq.id), RfqStatus.DECLINED, now, "")


@step
def expire_quote(*, quote_id: UUID, rfq_id: UUID, now: datetime) -> Quote | None:
    """End a quote whose time is over, and its request with it; None when someone was faster."""
    quote, rfq = queries.lock_quote(quote_id, rfq_id=rfq_id)
    if quote.status not in {QuoteStatus.OPEN, QuoteStatus.SUPERSEDED} or quote.expires_at > now:
        return None
    was_open = quote.status == QuoteStatus.OPEN
    _end_quote(quote, QuoteStatus.EXPIRED, quote.expires_at)
    if was_open and rfq.status == RfqStatus.QUOTED:
        _end_with(quote, queries.lock_rfq(rfq_id), RfqStatus.EXPIRED, quote.expires_at, "")
    return quote


@step
def end_rfq(*, rfq_id: UUID, status: RfqStatus, reason: str, now: datetime, quote_reason: str = "DESK") -> Rfq:
    """CANCELLED by the client, REJECTED by the desk, EXPIRED by time: an open quote is withdrawn with it.

    :raises RfqClosed: it ended before
    """
    rfq = queries.lock_rfq(rfq_id)
    if not RFQ.allows(rfq.status, status):
        raise RfqClosed(f"the request is {rfq.status}")
    quote = queries.find_open_quote(rfq_id)
    if quote is not None:
        quote.end_reason = quote_reason
        _end_quote(quote, QuoteStatus.WITHDRAWN, now)
    _end(rfq, status, now, reason)
    return rfq


def _end_with(quote: Quote, rfq: Rfq, status: RfqStatus, now: datetime, reason: str) -> Quote:
    _end(rfq, status, now, reason)
    return quote


def _end(rfq: Rfq, status: RfqStatus, now: datetime, reason: str) -> None:
    RFQ.move(rfq, status)
    rfq.ended_at, rfq.end_reason = now, reason
    rfq.save(update_fields=["status", "ended_at", "end_reason"])
    public: dict[str, Any] = {"id": ids.encode("rfq", rfq.id), "client_rfq_id": rfq.client_rfq_id, "status": str(status)}
    if reason:
        public["reason"] = reason
    _tell(rfq, f"rfq.{status.lower()}", public, {})


def _end_quote(quote: Quote, status: QuoteStatus, at: datetime) -> None:
    QUOTE.move(quote, status)
    quote.ended_at = at
    quote.save(update_fields=["status", "ended_at", "end_reason"])


def _rfq(
    rfq_id: UUID, dealing: Dealing, ask: Ask, value_date: date, member_id: UUID | None, now: datetime, status: RfqStatus, reasons: list[str]
) -> Rfq:
    return Rfq(
        id=rfq_id,
        client_id=dealing.client_id,
        account_id=dealing.account_id,
        terms_id=dealing.terms_id,
        client_rfq_id=ask.client_rfq_id,
        pair_id=ask.pair,
        side=ask.side,
        quantity=ask.quantity,
        quote_quantity=ask.quote_quantity,
        tenor=ask.tenor or dealing.default_tenor,
        value_date=value_date,
        ttl_ms=ask.ttl_ms,
        respond_by=now + timedelta(milliseconds=ask.respond_within_ms),
        status=status,
        reasons=reasons,
        channel=ask.channel,
        member_id=member_id,
        received_at=now,
    )


def _tell(rfq: Rfq, kind: str, public: dict[str, Any], house: dict[str, Any]) -> None:
    events.record(
        kind, subject_type="rfq", subject_id=rfq.id, client_id=rfq.client_id, account_id=rfq.account_id, public=public, house=house
    )


__all__ = ["Ask", "accept", "decline", "describe_quote", "end_rfq", "expire_quote", "open_quoted", "open_rfq"]
