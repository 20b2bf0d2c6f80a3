"""A deal agreed by voice or chat is booked on the client's behalf: request, quote and trade together.

It skips the quote's life, never entitlement or sanctions. A limit or band that it breaches does not stop it, since what was agreed binds:
it is flagged, told in the house, and looked at by a second person, as is one that was booked late.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from apps.approvals import operations as approvals
from apps.approvals.models import Approval
from apps.clients import rules as client_rules
from apps.clients.errors import AccountUnavailable
from apps.clients.states import ClientStatus
from apps.compliance import queries as compliance
from apps.core import ids, money
from apps.core.actor import Actor
from apps.core.unit import step, use_case
from apps.events import operations as events
from apps.pricing import queries as pricing
from apps.pricing import rules as prices
from apps.pricing.models import PairPolicy
from apps.pricing.rules import Composite, Level
from apps.rfqs import operations as rfqs
from apps.rfqs import queries as rfq_queries
from apps.rfqs import rules as rfq_rules
from apps.rfqs.errors import InstrumentNotAllowed, QuantityOutOfRange, UnknownInstrument
from apps.rfqs.models import Agreement
from apps.rfqs.operations import Ask
from apps.rfqs.queries import Dealing
from apps.rfqs.states import Channel, Side
from apps.trades import queries as trade_queries
from apps.trades.models import Trade, TradeVersion
from apps.users.rules import ACTS, require_may

from . import quoting, taking
from .accept_quote import deal_at
from .quoting import Market

KIND = "agreed_deal"
LIFE_MS = rfq_rules.AUTO_TTL_MS[0]  # of a quote that is accepted in the transaction that makes it
Booked = tuple[Trade, TradeVersion, Agreement, Approval | None]


@use_case
def book_on_behalf(
    *,
    actor: Actor,
    account_id: UUID,
    pair: str,
    side: Side,
    quantity: Decimal | None = None,
    quote_quantity: Decimal | None = None,
    price: Decimal,
    channel: Channel,
    agreed_at: datetime,
    agreed_by: str,
    evidence: str,
    tenor: str = "",
    depth: Composite | None,
    usd_per_quote: Decimal | None,
    now: datetime,
) -> Booked:
    """Book what was agreed, at the price agreed. The deal takes effect now; its value date counts from the agreement.

    :param price: the client's rate, fee included where the terms say so
    :param agreed_by: the client's person
    :param evidence: where the recording or the transcript lies
    :return: the trade, its version, the agreement with its flags, the approval that was asked for (where it was flagged)
    :raises AppError: RoleMissing, NotFound, BadAgreement, UnknownInstrument, InstrumentNotAllowed, AccountUnavailable, TooManyDecimals,
        SizeTooSmall, PastCutoff, PriceUnavailable (nobody knows what the quote asset is worth)
    """
    require_may(actor.roles, "on_behalf")
    assert actor.id is not None, "one of our own people"
    rfq_rules.require_agreement(agreed_at=agreed_at, agreed_by=agreed_by, evidence=evidence, channel=channel, price=price, now=now)
    dealing = rfq_queries.get_dealing_for(account_id, pair=pair)
    if dealing is None:
        raise UnknownInstrument(pair, pointer="/instrument")
    flags = _entitled(dealing)
    policy = pricing.policy_of(dealing.policy)
    market = _market(price, depth, usd_per_quote, policy, now, flags)
    ask = Ask(None, pair, side, quantity, quote_quantity, tenor, LIFE_MS, rfq_rules.RESPOND_MS[0], channel)
    _check_size(dealing, ask, market, flags)
    settles = quoting.value_date(dealing, tenor, agreed_at)
    priced = quoting.at_prices(dealing, ask, {side: price}, market)
    if prices.away_bps(priced[side].price, market.mid) > policy.sure_bps:
        flags.append("BAND")
    if now - agreed_at > rfq_rules.LATE:
        flags.append("LATE")
    rfq_id, trade_id = ids.uuid7(), ids.uuid7()
    taken = taking.take_agreed(dealing=dealing, rfq_id=rfq_id, trade_id=trade_id, priced=priced, market=market, day=settles.day, now=now)
    if not taken.fits:
        flags.append("CREDIT")
    rfq, quote = rfqs.open_quoted(
        rfq_id=rfq_id,
        dealing=dealing,
        ask=ask,
        value_date=settles.day,
        member_id=None,
        figures=quoting.figures(priced, market, settles, taken.headroom, by=actor.name, policy_version=policy.version),
        response_time_us=None,
        priced_by=actor.id,
        now=now,
    )
    agreement = rfqs.agree(rfq=rfq, agreed_at=agreed_at, agreed_by=agreed_by, evidence=evidence, flags=flags, booked_by=actor.id, now=now)
    deal = replace(rfq_queries.get_deal(quote.id, actor=actor), halted_at=None)
    trade, version, _ = deal_at(
        deal=deal,
        quote_id=quote.id,
        client_order_id=None,
        side=side,
        price=priced[side].price,
        now=now,
        trade_id=trade_id,
        is_short=taken.is_short,
    )
    return trade, version, agreement, _ask_checker(trade, agreement, deal.pair, actor, now) if flags else None


@step
def stand_by(*, approval: Approval, checker: Actor, now: datetime) -> None:
    """A second person has looked at a flagged deal and stands by it. Who does not, rejects, and asks for a trade version."""
    told = {"flags": approval.payload["flags"], "by": checker.name}
    events.record("deal.reviewed", subject_type="trade", subject_id=approval.subject_id, house=told, at=now)


def deal_version(approval: Approval) -> str:
    """A deal that was corrected or cancelled meanwhile is another deal to look at."""
    return str(trade_queries.get_version_number(approval.subject_id))


def _entitled(dealing: Dealing) -> list[str]:
    """What lies across the deal, by its flags; who may not deal at all is refused."""
    status = client_rules.stricter(dealing.client_status, dealing.account_status)
    if status not in {ClientStatus.APPROVED, ClientStatus.RESTRICTED} or compliance.has_hit([dealing.client_id]):
        raise AccountUnavailable("no deals on this account")
    if dealing.pair not in dealing.pairs:
        raise InstrumentNotAllowed(dealing.pair, pointer="/instrument")
    return [
        *(["RESTRICTED"] if status is ClientStatus.RESTRICTED else []),
        *(["HALTED"] if dealing.halt is not None else []),
    ]


def _market(
    price: Decimal, depth: Composite | None, usd_per_quote: Decimal | None, policy: PairPolicy, now: datetime, flags: list[str]
) -> Market:
    """The market as it is; where there is none, or an old one, the agreed price stands for it and the deal is flagged."""
    fresh = depth is not None and depth.is_dealable and depth.age(now) <= timedelta(milliseconds=policy.max_price_age_ms)
    if not fresh:
        flags.append("NO_PRICE")
        level = (Level(price, money.quantum(0)),)
        depth = Composite(policy.pair_code, level, level, now, ())
    return quoting.require_market(depth, usd_per_quote)


def _check_size(dealing: Dealing, ask: Ask, market: Market, flags: list[str]) -> None:
    try:
        quoting.require_size(dealing, ask, market)
    except QuantityOutOfRange:
        flags.append("SIZE")


def _ask_checker(trade: Trade, agreement: Agreement, pair: str, maker: Actor, now: datetime) -> Approval:
    return approvals.request(
        kind=KIND,
        subject_type="trade",
        subject_id=trade.id,
        subject_version=str(trade.version),
        title=f"{pair} by {agreement.rfq.channel.lower()}: {', '.join(agreement.flags).lower()}",
        payload={"trade": str(trade.id), "flags": agreement.flags, "evidence": agreement.evidence},
        maker=maker,
        checker_roles=ACTS["on_behalf"][1],
        now=now,
    )
