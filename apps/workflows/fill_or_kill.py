"""A fill-or-kill order: dealt at our price when that is at the client's limit or better, else not at all."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.clients import operations as clients
from apps.core import answers, ids
from apps.core.actor import Actor
from apps.core.unit import use_case
from apps.instruments import rules as calendar
from apps.pricing import queries as pricing
from apps.pricing.rules import Composite
from apps.rfqs import operations as rfqs
from apps.rfqs import queries as rfq_queries
from apps.rfqs import rules as rfq_rules
from apps.rfqs.errors import PriceNotMet, UnknownInstrument
from apps.rfqs.operations import Ask
from apps.rfqs.states import Channel, Side
from apps.trades.errors import DuplicateOrder
from apps.trades.models import Trade, TradeVersion

from . import plan_shares, quoting, taking
from .accept_quote import deal_at
from .sharing import Share

RESPOND_MS = rfq_rules.RESPOND_MS[0]


@use_case
def fill_or_kill(
    *,
    actor: Actor,
    account_id: UUID | None,
    client_order_id: str,
    pair: str,
    side: Side,
    quantity: Decimal,
    limit_price: Decimal,
    depth: Composite | None,
    usd_per_quote: Decimal | None,
    elapsed_us: Callable[[], int],
    shares: Sequence[Share] = (),
    now: datetime,
) -> tuple[Trade, TradeVersion, str]:
    """Price one side within the bounds of automatic quotes and deal it at once, at our price.

    :param limit_price: the worst price the client takes
    :param shares: how the deal is to be shared out: planned with it, or nothing is dealt at all
    :return: the trade, its version, its settlement status
    :raises AppError: all of request_quote; PriceNotMet: our price is worse, or there is no automatic one; DuplicateOrder: this id was
        used before, by a deal or by an order that was refused; of shares: BadAllocation, NoWord
    """
    assert actor.client_id is not None
    if answers.is_used(actor.client_id, client_order_id, operation="order"):
        raise DuplicateOrder(client_order_id)
    dealing = rfq_queries.get_dealing(actor=actor, account_id=account_id, pair=pair)
    if dealing is None:
        raise UnknownInstrument(pair, pointer="/instrument")
    quoting.require_may_ask(dealing)
    quoting.require_fair_use(dealing, now)
    market = quoting.require_market(depth, usd_per_quote)
    ask = Ask(None, pair, side, quantity, None, "", rfq_rules.AUTO_TTL_MS[0], RESPOND_MS, Channel.ORDER, limit_price=limit_price)
    quoting.require_size(dealing, ask, market)
    settles = quoting.value_date(dealing, ask.tenor, now)
    policy = pricing.policy_of(dealing.policy)
    priced, reasons = quoting.price_sides(dealing, policy, ask, market, ttl_ms=ask.ttl_ms, now=now)
    if reasons:
        raise PriceNotMet("there is no automatic price for this now: ask for a quote")
    if not rfq_rules.meets_limit(priced[side].price, limit_price, side):
        raise PriceNotMet("our price is worse than the limit")
    rfq_id = ids.uuid7()
    if actor.caps:
        day = calendar.business_date(now, calendar.Roll(dealing.roll, dealing.roll_zone))
        clients.spend_caps(actor=actor, pair=pair, notional=quoting.notional_of(priced, market), day=day)
    headroom = taking.reserve(dealing=dealing, rfq_id=rfq_id, priced=priced, market=market, day=settles.day, now=now)
    if any(head.share_used > dealing.auto_credit_share for head in headroom.values()):
        raise PriceNotMet("there is no automatic price for this now: ask for a quote")
    rfq, quote = rfqs.open_quoted(
        rfq_id=rfq_id,
        dealing=dealing,
        ask=ask,
        value_date=settles.day,
        member_id=actor.id,
        figures=quoting.figures(priced, market, settles, headroom, policy_version=policy.version),
        response_time_us=elapsed_us(),
        now=now,
    )
    if shares:
        plan_shares.plan(actor=actor, rfq=rfq, shares=shares, now=now)
    deal = rfq_queries.get_deal(quote.id, actor=actor)
    if deal.is_left_none:
        raise PriceNotMet("the account's terms changed at this moment: ask again")
    return deal_at(deal=deal, quote_id=quote.id, client_order_id=client_order_id, side=side, price=priced[side].price, now=now)
