"""A request is opened: with its automatic quote, or for a person; each next price of it is a new quote."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.core import db, ids, signing_keys
from apps.core.flights import set_off
from apps.core.unit import step
from apps.events import operations as events
from apps.rfqs import queries
from apps.rfqs.errors import DuplicateRfq, RfqClosed
from apps.rfqs.models import Agreement, Quote, Rfq
from apps.rfqs.queries import Dealing, describe_quote, describe_rfq
from apps.rfqs.rendering import AMOUNTS, receipt_payload
from apps.rfqs.states import QUOTE, RFQ, Channel, QuoteStatus, RfqStatus, Side

from .end import end_quote
from .tell import tell, tell_quote


@dataclass(frozen=True, slots=True)
class Ask:
    """What a client asks for, as it was read off the wire.

    :param limit_price: of a FOK order, the worst price the client takes
    """

    client_rfq_id: str | None
    pair: str
    side: Side
    quantity: Decimal | None
    quote_quantity: Decimal | None
    tenor: str
    ttl_ms: int
    respond_within_ms: int
    channel: Channel = Channel.API
    stream: bool = False
    limit_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """What a quote is made of: per side the six final amounts of AMOUNTS, the mid, and how it came about."""

    prices: Mapping[Side, Mapping[str, Decimal]]
    reference_mid: Decimal
    provenance: dict[str, Any]


@step
def open_rfq(
    *, rfq_id: UUID, dealing: Dealing, ask: Ask, value_date: date, member_id: UUID | None, reasons: list[str], now: datetime
) -> Rfq:
    """A request that waits for a person.

    :raises DuplicateRfq: the client used this id before
    """
    rfq = _rfq(rfq_id, dealing, ask, value_date, member_id, now, RfqStatus.RECEIVED, reasons)
    db.insert(rfq, refuse=_once(ask))
    tell(rfq, "rfq.received", describe_rfq(rfq, None, dealing.account_code), {"reasons": reasons})
    return rfq


@step
def open_quoted(
    *,
    rfq_id: UUID,
    dealing: Dealing,
    ask: Ask,
    value_date: date,
    member_id: UUID | None,
    figures: Figures,
    response_time_us: int | None,
    priced_by: UUID | None = None,
    now: datetime,
) -> tuple[Rfq, Quote]:
    """A request with its firm quote, in one statement. The quote lives `ttl_ms` from the desk's time `now`.

    :raises DuplicateRfq: the client used this id before
    """
    rfq = _rfq(rfq_id, dealing, ask, value_date, member_id, now, RfqStatus.QUOTED, [])
    quote = _quote(rfq, dealing.account_code, 1, figures, ask.ttl_ms, response_time_us, priced_by, now)
    db.insert(rfq, quote, refuse=_once(ask))
    set_off()
    house = {"parts": figures.provenance["parts"], "by": str(priced_by or "auto"), "opened": True}
    tell(rfq, "rfq.quoted", describe_rfq(rfq, quote, dealing.account_code), house)
    return rfq, quote


@step
def requote(
    *,
    rfq: Rfq,
    account_code: str,
    figures: Figures,
    ttl_ms: int,
    min_life: timedelta,
    priced_by: UUID | None,
    response_time_us: int | None = None,
    now: datetime,
) -> Quote:
    """The next price of a request; the open quote, if any, is SUPERSEDED and stays executable for `min_life`. The caller holds its row.

    :param now: the desk's time once the request's row is held
    :raises RfqClosed: it is not in a state that can be quoted
    """
    if rfq.status != RfqStatus.QUOTED and not RFQ.allows(rfq.status, RfqStatus.QUOTED):
        raise RfqClosed(f"the request is {rfq.status}")
    old = queries.find_open_quote(rfq.id)
    if old is not None and old.expires_at <= now:
        end_quote(old, QuoteStatus.EXPIRED, old.expires_at)
    elif old is not None:
        QUOTE.move(old, QuoteStatus.SUPERSEDED)
        old.ended_at, old.good_until = now, min(old.expires_at, now + min_life)
        old.save(update_fields=["status", "ended_at", "good_until"])
    number = queries.last_number(rfq.id) + 1
    quote = _quote(rfq, account_code, number, figures, ttl_ms, response_time_us, priced_by, now)
    db.insert(quote)
    first = rfq.status != RfqStatus.QUOTED
    if first:
        RFQ.move(rfq, RfqStatus.QUOTED)
        rfq.reasons = [] if priced_by is None else rfq.reasons
        rfq.save(update_fields=["status", "reasons"])
    parts = {"parts": figures.provenance["parts"], "by": str(priced_by or "auto"), "opened": False}
    if first:
        tell(rfq, "rfq.quoted", describe_rfq(rfq, quote, account_code), parts)
    else:
        tell_quote(rfq, "quote.replaced", quote, describe_quote(quote), parts)
    return quote


@step
def agree(*, rfq: Rfq, agreed_at: datetime, agreed_by: str, evidence: str, flags: list[str], booked_by: UUID, now: datetime) -> Agreement:
    """Keep what a deal on behalf was agreed on, with every bound that it breached."""
    made = Agreement(
        id=ids.uuid7(),
        rfq=rfq,
        agreed_at=agreed_at,
        agreed_by=agreed_by,
        evidence=evidence,
        flags=flags,
        booked_by_id=booked_by,
        booked_at=now,
    )
    db.insert(made)
    told = {"flags": flags, "agreed_at": agreed_at.isoformat(), "channel": str(rfq.channel)}
    events.record("deal.agreed", subject_type="rfq", subject_id=rfq.id, client_id=rfq.client_id, house=told, at=now)
    return made


def _once(ask: Ask) -> dict[str, DuplicateRfq]:
    return {"rfq_client_id": DuplicateRfq(ask.client_rfq_id or "")}


def _quote(
    rfq: Rfq,
    account_code: str,
    number: int,
    figures: Figures,
    ttl_ms: int,
    response_time_us: int | None,
    priced_by: UUID | None,
    now: datetime,
) -> Quote:
    """A firm quote with its receipt: what was quoted, signed, so that the client can show it to anybody."""
    quote = db.born(
        Quote,
        id=ids.uuid7(),
        rfq_id=rfq.id,
        number=number,
        reference_mid=figures.reference_mid,
        provenance=figures.provenance,
        priced_by_id=priced_by,
        created_at=now,
        expires_at=now + timedelta(milliseconds=ttl_ms),
        response_time_us=response_time_us,
        **{f"{side}_{name}": amounts[name] for side, amounts in figures.prices.items() for name in AMOUNTS},
    )
    quote.rfq = rfq
    quote.provenance |= {"receipt": signing_keys.sign_receipt(receipt_payload(rfq, quote, account_code))}
    return quote


def _rfq(
    rfq_id: UUID, dealing: Dealing, ask: Ask, value_date: date, member_id: UUID | None, now: datetime, status: RfqStatus, reasons: list[str]
) -> Rfq:
    return db.born(
        Rfq,
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
        stream=ask.stream,
        limit_side="" if ask.limit_price is None else str(ask.side),
        limit_price=ask.limit_price,
        member_id=member_id,
        duplicate_of=dealing.duplicate_of,
        received_at=now,
    )
