"""A streamed request gets a new quote whenever its price changes; the one before stays executable for the client's minimum life."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from apps.core.actor import SYSTEM
from apps.core.clock import desk_now
from apps.core.unit import use_case
from apps.events import operations as events
from apps.pricing import queries as pricing
from apps.pricing.errors import PriceUnavailable, QuoteInconsistent
from apps.pricing.rules import Composite
from apps.rfqs import operations as rfqs
from apps.rfqs import queries as rfq_queries
from apps.rfqs import rules as rfq_rules
from apps.rfqs.models import Quote, Rfq
from apps.rfqs.queries import Dealing
from apps.rfqs.states import QuoteStatus, RfqStatus, Side, Withdrawal

from . import quoting, taking
from .quoting import Sides

MS = timedelta(milliseconds=1)
LOST = ["FEED_LOST"]  # why a streamed request waits: the first price after it goes out by itself


@use_case
def stream_quote(*, rfq_id: UUID, depth: Composite | None, usd_per_quote: Decimal | None, now: datetime) -> Quote | None:
    """The next quote of a streamed request, where its price changed or its quote is about to end; None where nothing is to be done.

    What was reserved is raised where the new price needs more, never lowered before the request ends. Outside the bounds of automatic
    quotes no new price is made, and the last one lives out its time: it is never withdrawn because the market moved. Only when the feed is
    lost it is, with that reason.

    :raises AppError: CreditExceeded, InsufficientBalance, PastCutoff: the last quote lives out its time
    """
    rfq = rfq_queries.get_rfq(rfq_id, actor=SYSTEM)
    dealing = rfq_queries.get_dealing_of(rfq_id)
    last = rfq_queries.find_last_quote(rfq_id)
    if not rfq_rules.is_streaming(rfq.status, rfq.owner_id, rfq.reasons, rfq.respond_by, now) or not _may_go_on(dealing):
        return None
    policy = pricing.policy_of(dealing.policy)
    try:
        market = quoting.require_market(depth, usd_per_quote)
        priced, reasons = quoting.price_sides(dealing, policy, rfq, market, ttl_ms=rfq.ttl_ms, now=now)
    except PriceUnavailable:
        market, reasons = None, ["PRICE_AGE"]
    except QuoteInconsistent as no:  # an error of ours: the last quote lives out its time, and the desk is told
        events.record_fact_of(refusal=no)
        return None
    if market is None or "PRICE_AGE" in reasons:
        if rfq.status == RfqStatus.QUOTED:
            _lose(rfq)
        return None
    if reasons or (last is not None and last.status == QuoteStatus.OPEN and not _is_due(last, priced, now)):
        return None
    taking.lock_money(mode=dealing.mode, group_id=dealing.group_id, client_id=dealing.client_id, account_id=dealing.account_id)
    held = rfq_queries.lock_rfq(rfq_id)
    at = desk_now()
    newest = rfq_queries.find_last_quote(rfq_id)
    if not rfq_rules.is_streaming(held.status, held.owner_id, held.reasons, held.respond_by, at) or newest != last:
        return None  # somebody was faster
    settles = quoting.same_value_date(dealing, held, at)
    headroom = taking.adjust(dealing=dealing, rfq_id=rfq_id, priced=priced, market=market, day=settles.day, lower=False, now=at)
    return rfqs.requote(
        rfq=held,
        account_code=dealing.account_code,
        figures=quoting.figures(priced, market, settles, headroom, policy_version=policy.version),
        ttl_ms=min(rfq.ttl_ms, (held.respond_by - at) // MS),
        min_life=dealing.min_life_ms * MS,
        priced_by=None,
        now=at,
    )


def _may_go_on(dealing: Dealing) -> bool:
    return dealing.halt is None and quoting.may_deal(dealing)


def _is_due(last: Quote, priced: Sides, now: datetime) -> bool:
    """Another price, or so little life left that the next tick may come too late."""
    prices = {side: price.price for side, price in priced.items()}
    same = all(getattr(last, f"{side}_price") == prices.get(side) for side in (Side.BUY, Side.SELL))
    return not same or last.expires_at - now < rfq_rules.STREAM_AHEAD


def _lose(rfq: Rfq) -> None:
    """The feed is lost: nobody may hold us to a price that we cannot see, so what is open is withdrawn, with that reason."""
    rfq_queries.close_gates(rfq.id)
    taking.lock_money(mode=rfq.terms.mode, group_id=rfq.client.group_id, client_id=rfq.client_id, account_id=rfq.account_id)
    held = rfq_queries.lock_rfq(rfq.id)
    if held.status != RfqStatus.QUOTED or held.owner_id is not None:
        return
    at = desk_now()
    taking.give_back(rfq_id=rfq.id, account_id=rfq.account_id, mode=rfq.terms.mode, now=at)
    rfqs.withdraw(rfq=held, reason=Withdrawal.FEED_LOST, reasons=LOST, now=at)
