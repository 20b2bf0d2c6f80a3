"""Requests and quotes end: by their time, by the client, by the desk, by the platform."""

from datetime import datetime
from uuid import UUID

from apps.core.unit import step
from apps.rfqs import queries
from apps.rfqs.errors import RfqClosed
from apps.rfqs.models import Quote, Rfq
from apps.rfqs.states import QUOTE, RFQ, QuoteStatus, RfqStatus, Withdrawal

from .tell import tell, tell_quote

_ENDINGS = {RfqStatus.CANCELLED: Withdrawal.CLIENT}


@step
def expire_quote(*, quote_id: UUID, rfq_id: UUID, now: datetime) -> tuple[Quote, Rfq] | None:
    """End a quote whose time is over; None when someone was faster.

    The request ends with its open quote, unless a person owns it and it still lives: then it goes back to that person.
    """
    rfq = queries.lock_rfq(rfq_id)
    quote, _ = queries.lock_quote(quote_id, rfq_id=rfq_id)
    if quote.status not in {QuoteStatus.OPEN, QuoteStatus.SUPERSEDED} or quote.expires_at > now:
        return None
    was_open = quote.status == QuoteStatus.OPEN
    end_quote(quote, QuoteStatus.EXPIRED, quote.expires_at)
    if was_open and rfq.status == RfqStatus.QUOTED:
        if rfq.owner_id is not None and rfq.respond_by > now:
            tell_quote(rfq, "quote.expired", quote)
            back_to_people(rfq, rfq.reasons)
        else:
            close_rfq(rfq, RfqStatus.EXPIRED, quote.expires_at, "")
    return quote, rfq


@step
def withdraw(*, rfq: Rfq, reason: Withdrawal, reasons: list[str] | None = None, now: datetime) -> list[Quote]:
    """Take back every quote of a QUOTED request that can still be executed; the request goes back to its owner, or to the queue.

    The caller holds the request's row, and has waited for the accepts that came before (`queries.close_gates`).

    :param reasons: why a person has to price it from now on; default as before
    """
    ended = end_others(rfq, None, reason, now)
    back_to_people(rfq, rfq.reasons if reasons is None else reasons)
    return ended


@step
def end_rfq(*, rfq_id: UUID, status: RfqStatus, reason: str, now: datetime, quote_reason: str = Withdrawal.DESK, note: str = "") -> Rfq:
    """CANCELLED by the client, REJECTED by the desk, EXPIRED by time: its quotes are withdrawn with it.

    :raises RfqClosed: it ended before
    """
    rfq = queries.lock_rfq(rfq_id)
    if not RFQ.allows(rfq.status, status):
        raise RfqClosed(f"the request is {rfq.status}")
    end_others(rfq, None, _ENDINGS.get(status, Withdrawal(quote_reason)), now)
    rfq.end_note = note
    close_rfq(rfq, status, now, reason)
    return rfq


def back_to_people(rfq: Rfq, reasons: list[str]) -> None:
    """QUOTED → PICKED_UP of its owner, or RECEIVED where it has none. The caller holds its row."""
    RFQ.move(rfq, RfqStatus.RECEIVED if rfq.owner_id is None else RfqStatus.PICKED_UP)
    rfq.reasons = reasons
    rfq.save(update_fields=["status", "reasons", "limit_side", "limit_price"])
    tell(rfq, "rfq.reopened", house={"reasons": reasons})


def close_rfq(rfq: Rfq, status: RfqStatus, now: datetime, reason: str) -> None:
    """Any of the ends without a deal. The caller holds its row."""
    RFQ.move(rfq, status)
    rfq.ended_at, rfq.end_reason = now, reason
    rfq.save(update_fields=["status", "ended_at", "end_reason", "end_note"])
    tell(rfq, f"rfq.{status.lower()}", house={"note": rfq.end_note} if rfq.end_note else {}, at=now)


def end_others(rfq: Rfq, taken: Quote | None, reason: Withdrawal, now: datetime) -> list[Quote]:
    """Withdraw all quotes of a request but one that could still be executed. The caller holds the request's row."""
    out = []
    for quote in queries.list_executable(rfq.id, now):
        if taken is not None and quote.id == taken.id:
            continue
        if quote.expires_at <= now:  # dead by its time, whatever its row says
            end_quote(quote, QuoteStatus.EXPIRED, quote.expires_at)
            continue
        quote.end_reason = str(reason)
        end_quote(quote, QuoteStatus.WITHDRAWN, now)
        tell_quote(rfq, "quote.withdrawn", quote)
        out.append(quote)
    return out


def end_quote(quote: Quote, status: QuoteStatus, at: datetime) -> None:
    QUOTE.move(quote, status)
    quote.ended_at = at
    quote.save(update_fields=["status", "ended_at", "end_reason"])
