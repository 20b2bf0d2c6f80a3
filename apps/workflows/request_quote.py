"""A client asks for a price: a firm automatic quote, or a place in the desk's queue, or a coded refusal."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.clients import queries as clients
from apps.clients import rules as client_rules
from apps.clients.errors import AccountUnavailable
from apps.clients.models import SettlementMode
from apps.core import ids, money
from apps.core.actor import Actor
from apps.core.unit import use_case
from apps.credit import operations as credit
from apps.credit.rules import Claim, Headroom
from apps.instruments import rules as calendar
from apps.ledger import operations as ledger
from apps.ledger.rules import Ref
from apps.ledger.states import Kind
from apps.pricing import queries as pricing
from apps.pricing import rules as prices
from apps.pricing.errors import NotEnoughDepth, PriceUnavailable, TradingHalted
from apps.pricing.models import PairPolicy
from apps.pricing.rules import Composite, Fee, FeeMode, PairSpec, SidePrice
from apps.rfqs import operations as rfqs
from apps.rfqs import queries as rfq_queries
from apps.rfqs import rules as rfq_rules
from apps.rfqs.errors import InstrumentNotAllowed, NotEntitled, UnknownInstrument
from apps.rfqs.models import Quote, Rfq
from apps.rfqs.operations import Ask
from apps.rfqs.queries import Dealing, stamp
from apps.rfqs.states import Side

Result = tuple[Rfq, Quote | None, str]


@use_case
def request_quote(
    *,
    actor: Actor,
    account_id: UUID | None,
    ask: Ask,
    depth: Composite | None,
    usd_per_quote: Decimal | None,
    elapsed_us: Callable[[], int],
    now: datetime,
) -> Result:
    """Price an RFQ and reserve credit (or hold balance) for it, in one transaction.

    :param depth: the pair's merged book, read once before the transaction
    :param usd_per_quote: what one unit of the quote asset is worth in USD, for credit
    :return: the request, its quote (None when a person prices it), the account's code
    :raises AppError: NotFound, UnknownInstrument, InstrumentNotAllowed, AccountUnavailable, NotEntitled, TradingHalted,
        PriceUnavailable, StalePrice, QuantityOutOfRange, TooManyDecimals, TtlOutOfRange, PastCutoff, CreditExceeded,
        InsufficientBalance, DuplicateRfq
    """
    dealing = rfq_queries.get_dealing(actor=actor, account_id=account_id, pair=ask.pair)
    if dealing is None:
        raise UnknownInstrument(ask.pair, pointer="/instrument")
    _require_may_ask(dealing)
    policy = PairPolicy(**dealing.policy)
    book, rate = _require_price(depth, usd_per_quote, policy, now)
    rfq_rules.require_ttl(ask.ttl_ms)
    rfq_rules.require_size(
        quantity=ask.quantity,
        quote_quantity=ask.quote_quantity,
        mid=book.mid,
        least=dealing.min_quantity,
        most=dealing.max_quantity,
        step=dealing.step,
        base_scale=dealing.base_scale,
        quote_scale=dealing.quote_scale,
    )
    settles = _value_date(dealing, ask, now)
    rfq_id = ids.uuid7()
    priced, reasons = _price(dealing, policy, ask, book, rate)
    headroom: dict[Side, Headroom] = {}
    if not reasons:
        headroom, reasons = _reserve(dealing, rfq_id, priced, rate, settles, now)
    if reasons:
        waiting = rfqs.open_rfq(
            rfq_id=rfq_id, dealing=dealing, ask=ask, value_date=settles.day, member_id=actor.id, reasons=reasons, now=now
        )
        return waiting, None, dealing.account_code
    rfq, quote = rfqs.open_quoted(
        rfq_id=rfq_id,
        dealing=dealing,
        ask=ask,
        value_date=settles.day,
        member_id=actor.id,
        prices={side: {name: getattr(price, name) for name in rfqs.AMOUNTS} for side, price in priced.items()},
        reference_mid=book.mid,
        provenance=_provenance(priced, book, settles, headroom, now),
        response_time_us=elapsed_us(),
        now=now,
    )
    return rfq, quote, dealing.account_code


def _require_may_ask(dealing: Dealing) -> None:
    if not client_rules.may_deal(client_rules.stricter(dealing.client_status, dealing.account_status)):
        raise AccountUnavailable("no deals on this account")
    if "trader" not in dealing.member_roles:
        raise NotEntitled("this member does not deal on this account")
    if dealing.pair not in dealing.pairs:
        raise InstrumentNotAllowed(dealing.pair, pointer="/instrument")
    if dealing.halt is not None:
        raise TradingHalted("dealing is stopped for now")


def _require_price(depth: Composite | None, rate: Decimal | None, policy: PairPolicy, now: datetime) -> tuple[Composite, Decimal]:
    if depth is None or rate is None or rate <= 0:
        raise PriceUnavailable("no price is published")
    prices.require_fresh(depth, now, timedelta(milliseconds=policy.max_price_age_ms))
    return depth, rate


def _value_date(dealing: Dealing, ask: Ask, now: datetime) -> calendar.ValueDate:
    base, quote = (
        calendar.Asset(code, calendar.Kind(kind)) for code, kind in ((dealing.base, dealing.base_kind), (dealing.quote, dealing.quote_kind))
    )
    return calendar.settle_on(
        now,
        calendar.business_date(now, calendar.Roll(dealing.roll, dealing.roll_zone)),
        base,
        quote,
        int((ask.tenor or dealing.default_tenor)[-1]),
        cutoffs=[calendar.CutOff(c["asset"], datetime.strptime(c["at"], "%H:%M:%S").time(), c["zone"]) for c in dealing.cutoffs],  # noqa: DTZ007
    )


def _price(dealing: Dealing, policy: PairPolicy, ask: Ask, book: Composite, rate: Decimal) -> tuple[dict[Side, SidePrice], list[str]]:
    """Both sides asked for, or the reasons why a person has to price it."""
    size = ask.quantity if ask.quantity is not None else (ask.quote_quantity or money.ZERO) / book.mid
    reasons = []
    if size > policy.auto_max_quantity:
        reasons.append("SIZE")
    if size * book.mid * rate > dealing.auto_max_usd:
        reasons.append("CLIENT_SIZE")
    if reasons:
        return {}, reasons
    spec = PairSpec(dealing.base, dealing.quote, dealing.tick, dealing.base_scale, dealing.quote_scale)
    spread = pricing.spread_of(policy, tier=dealing.tier, markup_bps=dealing.markup_bps)
    try:
        return {
            side: prices.client_price(
                prices.Side(side),
                depth=book,
                pair=spec,
                spread=spread,
                fee=Fee(bps=dealing.fee_bps, mode=FeeMode(dealing.fee_mode)),
                position=dealing.position,
                ttl_ms=ask.ttl_ms,
                quantity=ask.quantity,
                quote_quantity=ask.quote_quantity,
            )
            for side in rfq_rules.sides_of(ask.side)
        }, []
    except NotEnoughDepth:
        return {}, ["INSUFFICIENT_DEPTH"]


def _reserve(
    dealing: Dealing, rfq_id: UUID, priced: dict[Side, SidePrice], rate: Decimal, settles: calendar.ValueDate, now: datetime
) -> tuple[dict[Side, Headroom], list[str]]:
    notional = max(price.quote_quantity for price in priced.values()) * rate
    client_rules.require_within(dealing.dealing_limit, notional)
    prefunded = dealing.mode == SettlementMode.PREFUNDED
    if prefunded and not dealing.has_caps:
        return _hold(dealing, rfq_id, priced, now), []
    head = credit.reserve(claim=_claim(dealing, rfq_id, notional, settles.day, now), now=now)
    if prefunded:
        return _hold(dealing, rfq_id, priced, now), []
    if head.share_used > dealing.auto_credit_share:
        credit.release(source_id=rfq_id, now=now)
        return {}, ["CREDIT_SHARE"]
    return dict.fromkeys(priced, head), []


def _claim(dealing: Dealing, rfq_id: UUID, notional: Decimal, value_date: date, now: datetime) -> Claim:
    return Claim(
        source_id=rfq_id,
        group_id=dealing.group_id,
        client_id=dealing.client_id,
        account_id=dealing.account_id,
        pair=dealing.pair,
        base=dealing.base,
        quote=dealing.quote,
        mode=dealing.mode,
        notional=notional,
        value_date=value_date,
        trade_date=calendar.business_date(now, calendar.Roll(dealing.roll, dealing.roll_zone)),
    )


def _hold(dealing: Dealing, rfq_id: UUID, priced: dict[Side, SidePrice], now: datetime) -> dict[Side, Headroom]:
    """Set aside what the client would pay, on each side quoted, in order of the accounts' ids."""
    clients.lock_account(dealing.account_id)
    assets = {side: dealing.quote if side is Side.BUY else dealing.base for side in priced}
    refs = {side: Ref(dealing.entity_id, Kind.CLIENT_BALANCE, asset, owner_id=dealing.account_id) for side, asset in assets.items()}
    out = {}
    for side in sorted(priced, key=lambda s: refs[s].id):
        amount = priced[side].client_pays
        free = ledger.hold(ref=refs[side], amount=amount, source_type="rfq", source_id=rfq_id, now=now)
        out[side] = Headroom(before=free, after=free - amount, currency=assets[side], binding="BALANCE", share_used=money.ZERO)
    return out


def _provenance(
    priced: dict[Side, SidePrice], book: Composite, settles: calendar.ValueDate, headroom: dict[Side, Headroom], now: datetime
) -> dict[str, Any]:
    """What the quote was made of: kept whole, told to the client in part (rfqs.queries.describe_quote)."""
    first = next(iter(priced.values()))
    return {
        "by": "auto",
        "value_date": settles.day.isoformat(),
        "calendar": settles.calendar_version,
        "cutoffs": {asset: stamp(at) for asset, at in settles.cutoffs},
        "spread_bps": money.text(first.spread_bps),
        "sources": [
            {"venue": s.venue, "instrument": s.pair, "age_ms": s.age_ms, "mid": None if s.mid is None else money.text(s.mid)}
            for s in book.sources
            if s.used
        ],
        "parts": {str(side): {part.name: money.text(part.bps) for part in price.parts} for side, price in priced.items()},
        "reference": {str(side): money.text(price.reference) for side, price in priced.items()},
        "trader_price": {str(side): money.text(price.trader_price) for side, price in priced.items()},
        "book_as_of": stamp(book.as_of),
        "headroom": {
            str(side): {
                "headroom_before": money.text(h.before),
                "headroom_after": money.text(h.after),
                "headroom_currency": h.currency,
                "binding": h.binding,
            }
            | ({"binding_measure": h.measure} if h.measure else {})
            for side, h in headroom.items()
        },
    }
