"""A client asks for a price: a firm automatic quote, or a place in the desk's queue, or a coded refusal."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.clients import rules as client_rules
from apps.clients.models import SettlementMode
from apps.core import ids, money
from apps.core.actor import Actor
from apps.core.flights import Statement, set_off
from apps.core.unit import use_case
from apps.credit import operations as credit
from apps.credit.errors import CapExceeded, CreditExceeded, LineBreached, MarkStale
from apps.credit.rules import Claim
from apps.ledger.errors import InsufficientBalance
from apps.pricing import queries as pricing
from apps.pricing.rules import Composite
from apps.rfqs import operations as rfqs
from apps.rfqs import queries as rfq_queries
from apps.rfqs import rules as rfq_rules
from apps.rfqs.errors import UnknownInstrument
from apps.rfqs.models import Quote, Rfq
from apps.rfqs.operations import Ask
from apps.rfqs.queries import Dealing, Same

from . import plan_shares, quoting, taking
from .sharing import Share

Result = tuple[Rfq, Quote | None, str]


_claims: OrderedDict[Any, Claim] = OrderedDict()  # the last claim of who asks like this: what its next one will lock and read
KEPT = 10_000


def _reads(*, actor: Actor, account_id: UUID | None, ask: Ask, rfq_id: UUID | None = None, **_: Any) -> list[Statement]:
    reads = [rfq_queries.read_dealing(actor=actor, account_id=account_id, pair=ask.pair, same=_same(ask))]
    last = _claims.get((actor.client_id, account_id, ask.pair, ask.tenor))
    if last is not None and rfq_id is not None:  # a guess: what it does not fit (another day, another group) is read anew
        reads += credit.reads_of(replace(last, source_id=rfq_id))
    return reads


def _remember(actor: Actor, account_id: UUID | None, ask: Ask, claim: Claim) -> None:
    _claims[actor.client_id, account_id, ask.pair, ask.tenor] = claim
    while len(_claims) > KEPT:
        _claims.popitem(last=False)


def _same(ask: Ask) -> Same:
    return Same(str(ask.side), ask.quantity, ask.quote_quantity)


@use_case(ahead=_reads)
def request_quote(
    *,
    actor: Actor,
    account_id: UUID | None,
    ask: Ask,
    depth: Composite | None,
    usd_per_quote: Decimal | None,
    elapsed_us: Callable[[], int],
    rfq_id: UUID | None = None,
    shares: Sequence[Share] = (),
    now: datetime,
) -> Result:
    """Price an RFQ and reserve credit (or hold balance) for it, in one transaction.

    Outside the bounds of automatic quotes it goes to the desk, with every reason listed.

    :param depth: the pair's merged book, read once before the transaction
    :param usd_per_quote: what one unit of the quote asset is worth in USD, for credit
    :param rfq_id: the id it gets, from who lets what it reserves be read ahead
    :param shares: how its deal is to be shared out: planned with it, or nothing is asked at all
    :return: the request, its quote (None when a person prices it), the account's code
    :raises AppError: NotFound, UnknownInstrument, InstrumentNotAllowed, AccountUnavailable, NotEntitled, TradingHalted,
        PriceUnavailable, QuantityOutOfRange, TooManyDecimals, SizeTooSmall, TtlOutOfRange, PastCutoff, CreditExceeded,
        CapExceeded, LineBreached, NotReducing, MarkStale, DealingLimit, KeyCapExceeded,
        InsufficientBalance, DuplicateRfq, FairUseExceeded, QuoteInconsistent; of shares: BadAllocation, NoWord
    """
    dealing = rfq_queries.get_dealing(actor=actor, account_id=account_id, pair=ask.pair, same=_same(ask))
    if dealing is None:
        raise UnknownInstrument(ask.pair, pointer="/instrument")
    quoting.require_may_ask(dealing, may_reduce=True)
    quoting.require_fair_use(dealing, now)
    market = quoting.require_market(depth, usd_per_quote)
    rfq_rules.require_ttl(ask.ttl_ms)
    quoting.require_size(dealing, ask, market)
    settles = quoting.value_date(dealing, ask.tenor, now)
    if actor.caps:
        client_rules.require_caps(actor.caps, ask.pair, quoting.size_of(ask, market) * market.mid * market.usd_per_quote)
    rfq_id = rfq_id or ids.uuid7()
    policy = pricing.policy_of(dealing.policy)
    priced, reasons = quoting.price_sides(dealing, policy, ask, market, ttl_ms=ask.ttl_ms, now=now)
    headroom = {}
    size = quoting.size_of(ask, market)
    if quoting.is_restricted(dealing):
        taking.require_reducing(dealing, rfq_id, str(ask.side), size)
        reasons = [*reasons, "RISK_REDUCING"]
    elif reasons:
        reasons = [*reasons, *_of_money(dealing, rfq_id, priced, market, settles.day, now)]
    else:
        if dealing.mode != SettlementMode.PREFUNDED:
            _remember(actor, account_id, ask, taking.claim_of(dealing, rfq_id, money.ZERO, settles.day, now))
        try:
            headroom = taking.reserve(dealing=dealing, rfq_id=rfq_id, priced=priced, market=market, day=settles.day, now=now)
        except LineBreached:
            if not taking.reducing(dealing, rfq_id, str(ask.side), size):
                raise
            reasons = ["RISK_REDUCING"]
        if any(head.share_used > dealing.auto_credit_share for head in headroom.values()):
            credit.release(source_id=rfq_id, now=now)
            reasons = ["CREDIT_SHARE"]
    set_off()
    if reasons:
        waiting = rfqs.open_rfq(
            rfq_id=rfq_id, dealing=dealing, ask=ask, value_date=settles.day, member_id=actor.id, reasons=reasons, now=now
        )
        if shares:
            plan_shares.plan(actor=actor, rfq=waiting, shares=shares, now=now)
        return waiting, None, dealing.account_code
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
    return rfq, quote, dealing.account_code


def _of_money(dealing: Dealing, rfq_id: UUID, priced: quoting.Sides, market: quoting.Market, day: date, now: datetime) -> list[str]:
    """What credit or balance would say beside the other reasons: who prices it sees them all. Nothing is taken."""
    if not priced:
        return []
    try:
        headroom = taking.look(dealing, rfq_id, priced, market, day, now)
    except InsufficientBalance:
        return ["BALANCE"]
    except (CreditExceeded, CapExceeded, LineBreached, MarkStale):
        return ["CREDIT"]
    return ["CREDIT_SHARE"] if any(head.share_used > dealing.auto_credit_share for head in headroom.values()) else []
