"""The ways a request ends without a deal: declined, cancelled, expired. Its reservation or hold goes back with it."""

from datetime import datetime
from uuid import UUID

from apps.core.actor import SYSTEM, Actor
from apps.core.unit import use_case
from apps.rfqs import operations as rfqs
from apps.rfqs import queries as rfq_queries
from apps.rfqs.errors import RfqClosed
from apps.rfqs.models import Quote, Rfq
from apps.rfqs.states import RfqStatus, Withdrawal

from . import taking


@use_case
def decline_quote(*, actor: Actor, quote_id: UUID, now: datetime) -> Quote:
    """The client says no.

    :raises AppError: NotFound, QuoteExpired, QuoteAnswered, QuoteWithdrawn, QuoteSuperseded
    """
    deal = rfq_queries.get_deal(quote_id, actor=actor)
    taking.give_back(rfq_id=deal.rfq_id, account_id=deal.account_id, mode=deal.mode, now=now)
    return rfqs.decline(quote_id=quote_id, deal=deal, now=now)


@use_case
def cancel_rfq(*, actor: Actor, rfq_id: UUID, now: datetime) -> Rfq:
    """The client takes its request back; an open quote is withdrawn with it.

    :raises AppError: NotFound, RfqClosed
    """
    rfq = rfq_queries.get_rfq(rfq_id, actor=actor)
    _give_back(rfq, now)
    return rfqs.end_rfq(rfq_id=rfq_id, status=RfqStatus.CANCELLED, reason="cancelled_by_client", now=now)


@use_case
def expire_quote(*, quote_id: UUID, now: datetime) -> Quote | None:
    """One due quote of the sweep; None when someone was faster."""
    quote = rfq_queries.get_quote(quote_id)
    rfq = rfq_queries.get_rfq(quote.rfq_id, actor=SYSTEM)
    _lock_money(rfq)
    ended = rfqs.expire_quote(quote_id=quote_id, rfq_id=rfq.id, now=now)
    if ended is None:
        return None
    quote, after = ended
    if after.status not in {RfqStatus.QUOTED, RfqStatus.FILLED}:  # a superseded quote ends while another lives, or was hit
        _give_back(rfq, now)
    return quote


@use_case
def expire_rfq(*, rfq_id: UUID, now: datetime) -> Rfq | None:
    """One request that nobody priced in time; None when someone was faster."""
    rfq = rfq_queries.get_rfq(rfq_id, actor=SYSTEM)
    if rfq.status not in {RfqStatus.RECEIVED, RfqStatus.PICKED_UP, RfqStatus.ON_HOLD} or rfq.respond_by > now:
        return None
    _lock_money(rfq)
    _give_back(rfq, now)
    return rfqs.end_rfq(rfq_id=rfq_id, status=RfqStatus.EXPIRED, reason="not_priced_in_time", now=now)


@use_case
def withdraw_halted(*, rfq_id: UUID, now: datetime) -> Rfq | None:
    """A request under a kill switch ends and its quote is withdrawn; None when it ended before.

    The switch itself refuses every accept received after it: this only says so on the rows, and gives the credit back.
    """
    rfq = rfq_queries.get_rfq(rfq_id, actor=SYSTEM)
    rfq_queries.close_gates(rfq_id)
    _lock_money(rfq)
    _give_back(rfq, now)
    try:
        return rfqs.end_rfq(rfq_id=rfq_id, status=RfqStatus.REJECTED, reason="trading_halted", now=now, quote_reason=Withdrawal.KILL_SWITCH)
    except RfqClosed:
        return None


def _give_back(rfq: Rfq, now: datetime) -> None:
    taking.give_back(rfq_id=rfq.id, account_id=rfq.account_id, mode=rfq.terms.mode, now=now)


def _lock_money(rfq: Rfq) -> None:
    taking.lock_money(mode=rfq.terms.mode, group_id=rfq.client.group_id, client_id=rfq.client_id, account_id=rfq.account_id)
