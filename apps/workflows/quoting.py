"""The steps that every quote is made of: the market, the value date, both prices or every reason against them, the money, the record.

Used by automatic quotes, quotes by hand, streams, orders and deals on behalf.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from apps.clients import queries as clients
from apps.clients import rules as client_rules
from apps.clients.errors import AccountUnavailable, FairUseExceeded
from apps.clients.models import SettlementMode
from apps.clients.states import ClientStatus
from apps.core import money
from apps.core.errors import Rejected
from apps.core.unit import step
from apps.credit import operations as credit
from apps.credit import queries as credit_queries
from apps.credit import rules as credit_rules
from apps.credit.errors import LineBreached, NotReducing
from apps.credit.rules import Claim, Headroom
from apps.instruments import rules as calendar
from apps.ledger import operations as ledger
from apps.ledger import queries as ledger_queries
from apps.ledger.errors import InsufficientBalance
from apps.ledger.rules import Ref
from apps.ledger.states import Kind
from apps.pricing import queries as pricing
from apps.pricing import rules as prices
from apps.pricing.errors import NotEnoughDepth, PriceUnavailable, TradingHalted
from apps.pricing.models import PairPolicy
from apps.pricing.rules import Composite, Fee, FeeMode, PairSpec, SidePrice
from apps.rfqs import operations as rfqs
from apps.rfqs import rules as rfq_rules
from apps.rfqs.errors import InstrumentNotAllowed, NotEntitled
from apps.rfqs.models import Rfq
from apps.rfqs.operations import Figures
from apps.rfqs.queries import Deal, Dealing, stamp
from apps.rfqs.states import Side
from apps.trades import queries as trades

Sides = Mapping[Side, SidePrice]


class Wanted(Protocol):
    """What is asked for: an Ask off the wire, or a request's row."""

    @property
    def side(self) -> Any: ...
    @property
    def quantity(self) -> Decimal | None: ...
    @property
    def quote_quantity(self) -> Decimal | None: ...


@dataclass(frozen=True, slots=True)
class Market:
    """A pair's merged book, and what one unit of its quote asset is worth in USD, for credit."""

    depth: Composite
    usd_per_quote: Decimal

    @property
    def mid(self) -> Decimal:
        return self.depth.mid


def require_may_ask(dealing: Dealing, *, may_reduce: bool = False) -> None:
    """
    :param may_reduce: whether a RESTRICTED client is heard: `require_reducing` decides then
    :raises AppError: AccountUnavailable, NotEntitled, InstrumentNotAllowed, TradingHalted
    """
    require_may_deal(dealing, may_reduce=may_reduce)
    if "trader" not in dealing.member_roles:
        raise NotEntitled("this member does not deal on this account")
    if dealing.pair not in dealing.pairs:
        raise InstrumentNotAllowed(dealing.pair, pointer="/instrument")
    if dealing.halt is not None:
        raise TradingHalted("dealing is stopped for now")


def require_fair_use(dealing: Dealing, now: datetime) -> None:
    """:raises FairUseExceeded: the client is stopped for asking too much; when it may ask again"""
    if dealing.stopped_until is not None and dealing.stopped_until > now:
        wait = math.ceil((dealing.stopped_until - now).total_seconds())
        raise FairUseExceeded("too many requests for too few deals in the last day", retry_after=wait)


def may_deal(dealing: Dealing) -> bool:
    return client_rules.may_deal(client_rules.stricter(dealing.client_status, dealing.account_status))


def is_restricted(dealing: Dealing) -> bool:
    return client_rules.stricter(dealing.client_status, dealing.account_status) is ClientStatus.RESTRICTED


def reducing(dealing: Dealing, rfq_id: UUID, side: str, quantity: Decimal) -> bool:
    """Whether a deal lies against what the account has open in the pair, less what its other requests would take off already."""
    net = trades.open_net_quantity(dealing.account_id, dealing.pair)
    others = credit_queries.sum_reducing(dealing.account_id, dealing.pair, besides=rfq_id)
    return credit_rules.reduces(side, quantity, max(abs(net) - others, money.ZERO).copy_sign(net))


def require_reducing(dealing: Dealing, rfq_id: UUID, side: str, quantity: Decimal) -> None:
    """:raises NotReducing: it does not only take off what is open"""
    if not reducing(dealing, rfq_id, side, quantity):
        raise NotReducing("only a deal against your own open quantity in this instrument, and no larger")


def require_may_deal(dealing: Dealing, *, may_reduce: bool = False) -> None:
    """:raises AccountUnavailable: the client's or the account's status does not allow it"""
    if not may_deal(dealing) and not (may_reduce and is_restricted(dealing)):
        raise AccountUnavailable("no deals on this account")


def require_may_answer(deal: Deal) -> None:
    """
    :raises AppError: AccountUnavailable, NotEntitled
    """
    status = client_rules.stricter(deal.client_status, deal.account_status)
    if not client_rules.may_deal(status) and not (deal.is_reducing and status is ClientStatus.RESTRICTED):
        raise AccountUnavailable("no deals on this account")
    if "trader" not in (deal.member_roles or ()):
        raise NotEntitled("this member does not deal on this account")


def require_market(depth: Composite | None, usd_per_quote: Decimal | None) -> Market:
    """
    :raises PriceUnavailable: nothing is published, no source is healthy, or the quote asset's worth in USD is not known
    """
    if depth is None or usd_per_quote is None or usd_per_quote <= 0:
        raise PriceUnavailable("no price is published")
    if not depth.is_dealable:
        raise PriceUnavailable(f"{depth.pair}: no healthy source")
    return Market(depth, usd_per_quote)


def require_size(dealing: Dealing, wanted: Wanted, market: Market) -> None:
    """
    :raises QuantityOutOfRange, TooManyDecimals: not a size of this instrument
    """
    rfq_rules.require_size(
        quantity=wanted.quantity,
        quote_quantity=wanted.quote_quantity,
        mid=market.mid,
        least=dealing.min_quantity,
        most=dealing.max_quantity,
        step=dealing.step,
        base_scale=dealing.base_scale,
        quote_scale=dealing.quote_scale,
    )


def value_date(dealing: Dealing, tenor: str, now: datetime) -> calendar.ValueDate:
    """
    :raises PastCutoff: T+0 is not possible any more
    """
    base, quote = _assets(dealing)
    today = calendar.business_date(now, calendar.Roll(dealing.roll, dealing.roll_zone))
    return calendar.settle_on(now, today, base, quote, int((tenor or dealing.default_tenor)[-1]), cutoffs=_cutoffs(dealing))


def same_value_date(dealing: Dealing, rfq: Rfq, now: datetime) -> calendar.ValueDate:
    """The value date that a request was told when it came, for its next quote.

    :raises PastCutoff: a cut-off of that day has passed since
    """
    base, quote = _assets(dealing)
    return calendar.still_on(now, rfq.value_date, base, quote, int(rfq.tenor[-1]), cutoffs=_cutoffs(dealing))


def _assets(dealing: Dealing) -> tuple[calendar.Asset, calendar.Asset]:
    return (
        calendar.Asset(dealing.base, calendar.Kind(dealing.base_kind)),
        calendar.Asset(dealing.quote, calendar.Kind(dealing.quote_kind)),
    )


def _cutoffs(dealing: Dealing) -> list[calendar.CutOff]:
    return [calendar.CutOff(c["asset"], time.fromisoformat(c["at"]), c["zone"]) for c in dealing.cutoffs]


def pair_of(dealing: Dealing) -> PairSpec:
    return PairSpec(dealing.base, dealing.quote, dealing.tick, dealing.base_scale, dealing.quote_scale)


def fee_of(dealing: Dealing) -> Fee:
    return Fee(bps=dealing.fee_bps, mode=FeeMode(dealing.fee_mode))


def price_sides(
    dealing: Dealing, policy: PairPolicy, wanted: Wanted, market: Market, *, ttl_ms: int, now: datetime
) -> tuple[dict[Side, SidePrice], list[str]]:
    """Each side asked for, by policy, and every reason why a person has to price it instead (rfqs.rules.REASONS).

    Where a reason leaves no price (no depth, no volatility) the sides are empty.

    :raises SizeTooSmall: nothing would be left to pay or to receive
    :raises QuoteInconsistent: what came out does not agree with the book it was made from
    """
    reasons = _bounds(dealing, policy, wanted, market, ttl_ms, now)
    spread = pricing.spread_of(policy, tier=dealing.tier, markup_bps=dealing.markup_bps)
    pair, fee = pair_of(dealing), fee_of(dealing)
    try:
        sides = {
            side: prices.client_price(
                prices.Side(side),
                depth=market.depth,
                pair=pair,
                spread=spread,
                fee=fee,
                position=dealing.position,
                ttl_ms=ttl_ms,
                quantity=wanted.quantity,
                quote_quantity=wanted.quote_quantity,
            )
            for side in rfq_rules.sides_of(wanted.side)
        }
    except NotEnoughDepth:
        return {}, [*reasons, "INSUFFICIENT_DEPTH"]
    except PriceUnavailable:  # how much the market moves is not known
        return {}, list(dict.fromkeys([*reasons, "VOLATILITY"]))
    if not reasons:  # it would go out as it is
        prices.require_consistent(sides.values(), depth=market.depth, bands=pricing.bands_of(policy))
    return sides, reasons


def at_prices(dealing: Dealing, wanted: Wanted, given: Mapping[Side, Decimal], market: Market) -> dict[Side, SidePrice]:
    """Every side asked for, at the price that a person gives for it.

    :raises PriceMismatch: not a price for exactly the sides that were asked for
    :raises SizeTooSmall: nothing would be left to pay or to receive
    """
    rfq_rules.require_sides(wanted.side, given)
    markup = pricing.spread_of(pricing.policy_of(dealing.policy), tier=dealing.tier, markup_bps=dealing.markup_bps).client_bps
    return {
        side: prices.given_price(
            prices.Side(side),
            price=given[side],
            depth=market.depth,
            pair=pair_of(dealing),
            fee=fee_of(dealing),
            client_bps=markup,
            quantity=wanted.quantity,
            quote_quantity=wanted.quote_quantity,
        )
        for side in rfq_rules.sides_of(wanted.side)
    }


def _bounds(dealing: Dealing, policy: PairPolicy, wanted: Wanted, market: Market, ttl_ms: int, now: datetime) -> list[str]:
    size = wanted.quantity if wanted.quantity is not None else (wanted.quote_quantity or money.ZERO) / market.mid
    reasons = prices.reasons_for_desk(market.depth, now, pricing.bounds_of(policy), quantity=size)
    if size * market.mid * market.usd_per_quote > dealing.auto_max_usd:
        reasons.append("CLIENT_SIZE")
    if any(_is_past_limit(dealing, side, size, size * market.mid) for side in rfq_rules.sides_of(wanted.side)):
        reasons.append("INVENTORY")
    if ttl_ms > rfq_rules.AUTO_TTL_MS[1]:
        reasons.append("TTL")
    return reasons


def _is_past_limit(dealing: Dealing, side: Side, base: Decimal, quote: Decimal) -> bool:
    """Whether the book would be past a hard limit and no nearer to flat. A client's buy takes base from us and brings quote."""
    ours = {dealing.base: (prices.Side(side), base), dealing.quote: (prices.Side.SELL if side is Side.BUY else prices.Side.BUY, quote)}
    return any(
        prices.position_reason(taken, position=position, quantity=amount, soft=None, hard=hard) != ""
        for asset, (hard, position) in dealing.hard_limits.items()
        for taken, amount in [ours[asset]]
    )


def notional_of(priced: Sides, market: Market) -> Decimal:
    """The larger side of a quote, in USD."""
    return max(price.quote_quantity for price in priced.values()) * market.usd_per_quote


def claim_of(dealing: Dealing, rfq_id: UUID, priced: Sides, market: Market, day: date, now: datetime) -> Claim:
    """What a quote takes of the client's lines and caps: its larger side."""
    return Claim(
        source_id=rfq_id,
        group_id=dealing.group_id,
        client_id=dealing.client_id,
        account_id=dealing.account_id,
        pair=dealing.pair,
        base=dealing.base,
        quote=dealing.quote,
        mode=dealing.mode,
        notional=notional_of(priced, market),
        value_date=day,
        trade_date=calendar.business_date(now, calendar.Roll(dealing.roll, dealing.roll_zone)),
    )


@step
def reserve(*, dealing: Dealing, rfq_id: UUID, priced: Sides, market: Market, day: date, now: datetime) -> dict[Side, Headroom]:
    """Reserve the client's line, or hold its balance, for a request that has nothing yet; headroom by side.

    :raises AppError: DealingLimit, CreditExceeded, CapExceeded, LineBreached, MarkStale, InsufficientBalance: it does not fit
    """
    client_rules.require_within(dealing.dealing_limit, notional_of(priced, market))
    if dealing.mode == SettlementMode.PREFUNDED:
        if dealing.has_caps:
            credit.reserve(claim=claim_of(dealing, rfq_id, priced, market, day, now), now=now)
        return _hold(dealing, rfq_id, priced, now)
    head = credit.reserve(claim=claim_of(dealing, rfq_id, priced, market, day, now), now=now)
    return dict.fromkeys(priced, head)


@step
def adjust_by_hand(
    *, dealing: Dealing, rfq_id: UUID, priced: Sides, market: Market, day: date, lower: bool, now: datetime
) -> dict[Side, Headroom]:
    """:func:`adjust` for a person's price. A restricted client, or one past its line, may take off what it has open: that reserves nothing.

    :raises AppError: as :func:`adjust`, and NotReducing
    """
    given: dict[str, Any] = {
        "dealing": dealing,
        "rfq_id": rfq_id,
        "priced": priced,
        "market": market,
        "day": day,
        "lower": lower,
        "now": now,
    }
    side, price = next(iter(priced.items()))
    if is_restricted(dealing):
        require_reducing(dealing, rfq_id, str(side) if len(priced) == 1 else "two_way", price.quantity)
    else:
        try:
            return adjust(**given)
        except LineBreached:
            if len(priced) > 1 or not reducing(dealing, rfq_id, str(side), price.quantity):
                raise
    claim = replace(claim_of(dealing, rfq_id, priced, market, day, now), reduces=price.quantity)
    return dict.fromkeys(priced, credit.adjust(claim=claim, lower=True, now=now))


@step
def adjust(*, dealing: Dealing, rfq_id: UUID, priced: Sides, market: Market, day: date, lower: bool, now: datetime) -> dict[Side, Headroom]:
    """Bring what a request has reserved or held to what its next quote needs; never less while an older quote may still be executed.

    :raises AppError: CreditExceeded, CapExceeded, LineBreached, MarkStale, InsufficientBalance: it does not fit
    """
    if dealing.mode == SettlementMode.PREFUNDED:
        if dealing.has_caps:
            credit.adjust(claim=claim_of(dealing, rfq_id, priced, market, day, now), lower=lower, now=now)
        return _hold_anew(dealing, rfq_id, priced, lower, now)
    head = credit.adjust(claim=claim_of(dealing, rfq_id, priced, market, day, now), lower=lower, now=now)
    return dict.fromkeys(priced, head)


def look(dealing: Dealing, rfq_id: UUID, priced: Sides, market: Market, day: date, now: datetime) -> dict[Side, Headroom]:
    """Headroom before and after, as `adjust` would find it; nothing is locked or taken.

    :raises CreditExceeded, InsufficientBalance: it does not fit
    """
    if dealing.mode == SettlementMode.PREFUNDED:
        out = {}
        for side, ref in balances(dealing, priced):
            free, amount = ledger_queries.available_but_for(ref, source_id=rfq_id), priced[side].client_pays
            if amount > free:
                raise InsufficientBalance(f"{money.text(free)} {ref.asset} available, {money.text(amount)} needed")
            out[side] = _left(free, amount, ref.asset)
        return out
    head = credit_queries.look(claim=claim_of(dealing, rfq_id, priced, market, day, now), now=now)
    return dict.fromkeys(priced, head)


@step
def take_agreed(
    *, dealing: Dealing, rfq_id: UUID, trade_id: UUID, priced: Sides, market: Market, day: date, now: datetime
) -> dict[Side, Headroom] | None:
    """Take what a deal on behalf needs of lines, caps or balance, whether it fits or not: what lies beyond is a breach on record.

    :return: headroom by side; None where it does not fit
    """
    lock_money(mode=dealing.mode, group_id=dealing.group_id, client_id=dealing.client_id, account_id=dealing.account_id)
    claim = claim_of(dealing, rfq_id, priced, market, day, now)
    headroom: dict[Side, Headroom] | None
    try:
        headroom = look(dealing, rfq_id, priced, market, day, now)
    except AccountUnavailable:  # RESTRICTED: flagged as such
        headroom = {}
    except Rejected:
        headroom = None
    is_prefunded = dealing.mode == SettlementMode.PREFUNDED
    if is_prefunded and headroom is not None:
        _hold(dealing, rfq_id, priced, now)
    if not is_prefunded or dealing.has_caps:
        fits = credit.book_agreed(claim=claim, deal_id=trade_id, now=now).fits
        return headroom if fits else None
    return headroom


@step
def lock_money(*, mode: str, group_id: UUID | None, client_id: UUID, account_id: UUID) -> None:
    """Before the request and its quote: the house order of locks."""
    credit.lock_lines(group_id=group_id, client_id=client_id, account_id=account_id)
    if mode == SettlementMode.PREFUNDED:
        clients.lock_account(account_id)


@step
def give_back(*, rfq_id: UUID, account_id: UUID, mode: str, now: datetime) -> None:
    """Release the lines and void the hold that a request took; nothing taken is fine."""
    credit.release(source_id=rfq_id, now=now)
    if mode == SettlementMode.PREFUNDED:
        clients.lock_account(account_id)
        ledger.void_holds(source_id=rfq_id, now=now)


def balances(dealing: Dealing, priced: Sides) -> list[tuple[Side, Ref]]:
    """What the client would pay from, by side, in the order in which balances are locked."""
    assets = {side: dealing.quote if side is Side.BUY else dealing.base for side in priced}
    refs = {side: Ref(dealing.entity_id, Kind.CLIENT_BALANCE, asset, owner_id=dealing.account_id) for side, asset in assets.items()}
    return sorted(refs.items(), key=lambda item: item[1].id)


def _hold(dealing: Dealing, rfq_id: UUID, priced: Sides, now: datetime) -> dict[Side, Headroom]:
    """Set aside what the client would pay, on each side quoted, in order of the accounts' ids."""
    clients.lock_account(dealing.account_id)
    out = {}
    for side, ref in balances(dealing, priced):
        amount = priced[side].client_pays
        free = ledger.hold(ref=ref, amount=amount, source_type="rfq", source_id=rfq_id, now=now)
        out[side] = _left(free, amount, ref.asset)
    return out


def _hold_anew(dealing: Dealing, rfq_id: UUID, priced: Sides, lower: bool, now: datetime) -> dict[Side, Headroom]:
    clients.lock_account(dealing.account_id)
    out = {}
    for side, ref in balances(dealing, priced):
        amount = priced[side].client_pays
        free = ledger.hold_anew(ref=ref, amount=amount, lower=lower, source_type="rfq", source_id=rfq_id, now=now)
        out[side] = _left(free, amount, ref.asset)
    return out


def _left(free: Decimal, amount: Decimal, asset: str) -> Headroom:
    return Headroom(before=free, after=free - amount, currency=asset, binding="BALANCE", share_used=money.ZERO)


def figures(
    priced: Sides, market: Market, settles: calendar.ValueDate, headroom: Mapping[Side, Headroom], *, by: str = "auto", **more: Any
) -> Figures:
    """What a quote is made of and came from: kept whole, told to the client in part (rfqs.queries.describe_quote)."""
    return Figures(
        prices={side: {name: getattr(price, name) for name in rfqs.AMOUNTS} for side, price in priced.items()},
        reference_mid=market.mid,
        provenance=_provenance(priced, market.depth, settles, headroom)
        | {"by": by, "notional_usd": money.text(money.round_up(notional_of(priced, market), 2))}
        | more,
    )


def _provenance(priced: Sides, book: Composite, settles: calendar.ValueDate, headroom: Mapping[Side, Headroom]) -> dict[str, Any]:
    first = next(iter(priced.values()))
    return {
        "value_date": settles.day.isoformat(),
        "calendar": settles.calendar_version,
        "cutoffs": {asset: stamp(at) for asset, at in settles.cutoffs},
        "spread_bps": money.text(first.spread_bps),
        "sources": [
            {"venue": s.venue, "instrument": s.pair, "age_ms": s.age_ms, "mid": None if s.mid is None else money.text(s.mid)}
            for s in book.sources
            if s.used
        ],
        "left_out": [
            {"venue": s.venue, "instrument": s.pair, "age_ms": s.age_ms, "reasons": list(s.reasons)} for s in book.sources if not s.used
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
