"""A person prices a request: the first time, again while a quote is open, or in answer to a client's limit."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from apps.core.actor import Actor
from apps.core.clock import desk_now
from apps.core.errors import Rejected
from apps.core.unit import use_case
from apps.credit.rules import Headroom
from apps.pricing import queries as pricing
from apps.pricing import rules
from apps.pricing.errors import QuoteInconsistent, SizeTooSmall, TradingHalted
from apps.pricing.rules import Composite, SidePrice
from apps.rfqs import operations as rfqs
from apps.rfqs import queries as rfq_queries
from apps.rfqs import rules as rfq_rules
from apps.rfqs.models import Quote, Rfq
from apps.rfqs.queries import Dealing
from apps.rfqs.states import Side
from apps.users.rules import require_may

from . import quoting, taking
from .quoting import Market, Sides

AT_ONCE = timedelta(0)  # a person's new price kills the old one: only a streamed price has a minimum life


@dataclass(frozen=True, slots=True)
class Preview:
    """What a price would mean, for the ticket; nothing is stored.

    :param suggested: by the pair's policy, even where its automatic bounds refuse; empty where policy finds no price
    :param reasons: why it did not go out by itself
    :param priced: the sides at the prices given (at the suggested ones where none were)
    :param profit: by side, in the quote asset: what the client's amount is away from the mid's worth of the base
    :param headroom: before and after, by side; None where it does not fit
    :param unfit: why it does not fit
    """

    suggested: Sides
    reasons: list[str]
    priced: Sides
    profit: Mapping[Side, Decimal]
    headroom: Mapping[Side, Headroom] | None
    unfit: str
    reference_mid: Decimal


@use_case
def quote_by_hand(
    *,
    actor: Actor,
    rfq_id: UUID,
    prices: Mapping[Side, Decimal],
    ttl_ms: int = rfq_rules.DEFAULT_HAND_TTL_MS,
    depth: Composite | None,
    usd_per_quote: Decimal | None,
    sure: bool = False,
    now: datetime,
) -> Quote:
    """PICKED_UP → QUOTED, or the next quote of a QUOTED request: the old one is dead at once, but for accepts received before.

    :param prices: the client's rate, for exactly the sides that were asked for
    :param ttl_ms: up to 120 s
    :param sure: the person has confirmed a price that the bands warn of
    :raises AppError: RoleMissing, NotFound, NotYours, RfqClosed, TtlOutOfRange, PriceMismatch, PriceUnavailable, TradingHalted,
        AccountUnavailable, SizeTooSmall, PastCutoff, CreditExceeded, InsufficientBalance, PriceNeedsSure, PriceFarOff
    """
    require_may(actor.roles, "quote")
    rfq = rfq_queries.get_rfq(rfq_id, actor=actor)
    rfq_rules.require_ttl(ttl_ms)
    dealing = rfq_queries.get_dealing_of(rfq_id)
    _require_may_quote(dealing)
    market = quoting.require_market(depth, usd_per_quote)
    priced = quoting.at_prices(dealing, rfq, prices, market)
    _require_meant(dealing, prices, market, sure=sure)
    taking.lock_money(mode=dealing.mode, group_id=dealing.group_id, client_id=dealing.client_id, account_id=dealing.account_id)
    held = rfq_queries.lock_rfq(rfq_id)
    at = desk_now()
    rfq_rules.require_quotable(held.status, held.owner_id, actor.id, held.respond_by, at)
    settles = quoting.same_value_date(dealing, held, at)
    headroom = taking.adjust_by_hand(
        dealing=dealing,
        rfq_id=rfq_id,
        priced=priced,
        market=market,
        day=held.value_date,
        lower=not rfq_queries.has_executable(rfq_id, at),
        now=at,
    )
    return rfqs.requote(
        rfq=held,
        account_code=dealing.account_code,
        figures=quoting.figures(priced, market, settles, headroom, by=actor.name, policy_version=pricing.policy_of(dealing.policy).version),
        ttl_ms=ttl_ms,
        min_life=AT_ONCE,
        priced_by=actor.id,
        response_time_us=(at - held.received_at) // timedelta(microseconds=1),
        now=at,
    )


@use_case
def preview_by_hand(
    *,
    actor: Actor,
    rfq_id: UUID,
    prices: Mapping[Side, Decimal],
    depth: Composite | None,
    usd_per_quote: Decimal | None,
    now: datetime,
) -> Preview:
    """The ticket's figures for these prices, or for the suggested ones where none are given. Nothing is stored or reserved.

    :raises AppError: RoleMissing, NotFound, PriceUnavailable, PriceMismatch, SizeTooSmall
    """
    require_may(actor.roles, "rfq")
    rfq = rfq_queries.get_rfq(rfq_id, actor=actor)
    dealing = rfq_queries.get_dealing_of(rfq_id)
    market = quoting.require_market(depth, usd_per_quote)
    suggested, reasons = _suggest(dealing, rfq, market, now)
    priced: Sides = quoting.at_prices(dealing, rfq, prices, market) if prices else suggested
    headroom, unfit = _headroom(dealing, rfq, priced, market, now) if priced else (None, "")
    return Preview(
        suggested=suggested,
        reasons=reasons,
        priced=priced,
        profit={side: _profit(price, market) for side, price in priced.items()},
        headroom=headroom,
        unfit=unfit,
        reference_mid=market.mid,
    )


def _require_may_quote(dealing: Dealing) -> None:
    quoting.require_may_deal(dealing, may_reduce=True)
    if dealing.halt is not None:
        raise TradingHalted("dealing is stopped for now")


def _require_meant(dealing: Dealing, given: Mapping[Side, Decimal], market: Market, *, sure: bool) -> None:
    bands = pricing.bands_of(pricing.policy_of(dealing.policy))
    for price in given.values():
        rules.require_meant(price, market.mid, bands, sure=sure)


def _suggest(dealing: Dealing, rfq: Rfq, market: Market, now: datetime) -> tuple[Sides, list[str]]:
    try:
        return quoting.price_sides(dealing, pricing.policy_of(dealing.policy), rfq, market, ttl_ms=rules.FREE_TTL_MS, now=now)
    except (SizeTooSmall, QuoteInconsistent):
        return {}, []


def _headroom(dealing: Dealing, rfq: Rfq, priced: Sides, market: Market, now: datetime) -> tuple[Mapping[Side, Headroom] | None, str]:
    try:
        return taking.look(dealing, rfq.id, priced, market, rfq.value_date, now), ""
    except Rejected as no:  # it does not fit, or new risk is stopped
        return None, no.detail


def _profit(price: SidePrice, market: Market) -> Decimal:
    """What the deal earns against the mid, fee included, in the quote asset; before hedging."""
    worth = price.quantity * market.mid
    return price.client_pays - worth if price.side is rules.Side.BUY else worth - price.client_receives
