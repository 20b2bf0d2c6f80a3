"""What a client says to a firm quote: yes, no, or another price."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.core import db, ids, money
from apps.core.unit import step
from apps.events import operations as events
from apps.rfqs import queries, rules
from apps.rfqs.errors import QuoteAnswered, QuoteSuperseded, QuoteWithdrawn
from apps.rfqs.models import Quote, Rfq
from apps.rfqs.queries import Deal
from apps.rfqs.states import QUOTE, RFQ, QuoteStatus, RfqStatus, Side, Withdrawal

from .end import back_to_people, close_rfq, end_others, end_quote
from .tell import tell_quote


@step
def accept(*, quote_id: UUID, deal: Deal, side: Side, price: Decimal, response_time_us: int | None = None, now: datetime) -> Quote:
    """Close a live quote and its request. The caller holds the client's credit line or balance.

    A superseded quote is taken within its minimum life; the newer one is withdrawn then.

    :param response_time_us: from the accept's arrival to this decision, for the statistics
    :param now: the instant the accept was received, read before any lock was waited for
    :raises QuoteExpired, QuoteAnswered, QuoteWithdrawn, QuoteSuperseded: it was no longer executable
    :raises PriceMismatch: the echoed price or side is not the quote's
    """
    quote, rfq = queries.lock_quote(quote_id, rfq_id=deal.rfq_id)
    _require_live(quote, rfq, now)
    if deal.halted_at is not None and deal.halted_at <= now:
        raise QuoteWithdrawn("dealing was stopped before the accept was received", reason="KILL_SWITCH")
    if rfq.status != RfqStatus.QUOTED:
        raise QuoteAnswered(f"the request is {rfq.status}")
    rules.require_same_price(getattr(quote, f"{side}_price"), price, side)
    if quote.status == QuoteStatus.SUPERSEDED:
        end_others(queries.get_rfq_row(deal.rfq_id), quote, Withdrawal.FILLED, now)
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
        house={"rfq": str(deal.rfq_id), "response_time_us": response_time_us},
        at=now,
    )
    return quote


@step
def decline(*, quote_id: UUID, deal: Deal, now: datetime) -> Quote:
    """The client says no; its request ends with it.

    :raises QuoteExpired, QuoteAnswered, QuoteWithdrawn, QuoteSuperseded
    """
    quote, rfq = _lock_live(quote_id, deal, now)
    end_others(rfq, quote, Withdrawal.CLIENT, now)
    end_quote(quote, QuoteStatus.DECLINED, now)
    close_rfq(rfq, RfqStatus.DECLINED, now, "")
    return quote


@step
def counter(*, quote_id: UUID, deal: Deal, side: Side, price: Decimal, now: datetime) -> tuple[Quote, Rfq]:
    """The client names its limit: the quote ends COUNTERED, and a person answers with another quote, or not.

    :raises QuoteExpired, QuoteAnswered, QuoteWithdrawn, QuoteSuperseded
    :raises PriceMismatch: that side was not quoted
    :raises CounterNotBetter: the limit is no better for the client than the quote
    """
    quote, rfq = _lock_live(quote_id, deal, now)
    rules.require_better(getattr(quote, f"{side}_price"), price, side)
    end_others(rfq, quote, Withdrawal.CLIENT, now)
    end_quote(quote, QuoteStatus.COUNTERED, now)
    rfq.limit_side, rfq.limit_price = str(side), price
    limit = {"side": str(side), "price": money.text(price)}
    tell_quote(rfq, "quote.countered", quote, house={"limit": limit})
    back_to_people(rfq, [*rfq.reasons, "COUNTERED"] if "COUNTERED" not in rfq.reasons else rfq.reasons)
    return quote, rfq


def _lock_live(quote_id: UUID, deal: Deal, now: datetime) -> tuple[Quote, Rfq]:
    rfq = queries.lock_rfq(deal.rfq_id)
    quote, _ = queries.lock_quote(quote_id, rfq_id=deal.rfq_id)
    _require_live(quote, rfq, now)
    if quote.status == QuoteStatus.SUPERSEDED:  # its minimum life is for who takes it; a no is said to the newest price
        raise QuoteSuperseded("a newer quote took its place")
    if rfq.status != RfqStatus.QUOTED:
        raise QuoteAnswered(f"the request is {rfq.status}")
    return quote, rfq


def _require_live(quote: Quote, rfq: Rfq, now: datetime) -> None:
    if rfq.status == RfqStatus.FILLED:
        raise QuoteAnswered("the request was filled")
    rules.require_live(quote.status, expires_at=quote.expires_at, good_until=quote.good_until, received=now)
