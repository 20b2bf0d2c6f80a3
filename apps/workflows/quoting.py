"""The steps that every quote is made of: the market, the value date, both prices or every reason against them, the money, the record.

Used by automatic quotes, quotes by hand, streams, orders and deals on behalf.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from functools import cache
from typing import Any, Protocol

from apps.clients import rules as client_rules
from apps.clients.errors import AccountUnavailable, FairUseExceeded
from apps.core import money
from apps.core.errors import AppError
from apps.credit.rules import Headroom
from apps.instruments import rules as calendar
from apps.pricing import queries as pricing
from apps.pricing import rules as prices
from apps.pricing.errors import NotEnoughDepth, PriceUnavailable, TradingHalted
from apps.pricing.models import PairPolicy
from apps.pricing.rules import Composite, Fee, FeeMode, PairSpec, SidePrice
from apps.rfqs import operations as rfqs
from apps.rfqs import rules as rfq_rules
from apps.rfqs.errors import InstrumentNotAllowed, NotEntitled, QuoteWithdrawn
from apps.rfqs.models import Rfq
from apps.rfqs.operations import Figures
from apps.rfqs.queries import Deal, Dealing, stamp
from apps.rfqs.states import Side

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
    for no in objections(dealing, may_reduce=may_reduce):
        raise no


def objections(dealing: Dealing, *, may_reduce: bool = False) -> Iterator[AppError]:
    """Everything that speaks against hearing this member on this account in this pair."""
    if not may_deal(dealing) and not (may_reduce and is_restricted(dealing)):
        yield AccountUnavailable("no deals on this account")
    if "trader" not in dealing.member_roles:
        yield NotEntitled("this member does not deal on this account")
    if dealing.pair not in dealing.pairs:
        yield InstrumentNotAllowed(dealing.pair, pointer="/instrument")
    if dealing.halt is not None:
        yield TradingHalted("dealing is stopped for now")


def require_fair_use(dealing: Dealing, now: datetime) -> None:
    """:raises FairUseExceeded: the client is stopped for asking too much; when it may ask again"""
    if dealing.stopped_until is not None and dealing.stopped_until > now:
        wait = math.ceil((dealing.stopped_until - now).total_seconds())
        raise FairUseExceeded("too many requests for too few deals in the last day", retry_after=wait)


def may_deal(dealing: Dealing) -> bool:
    return client_rules.may_deal(client_rules.stricter(dealing.client_status, dealing.account_status))


def is_restricted(dealing: Dealing) -> bool:
    return client_rules.may_reduce(client_rules.stricter(dealing.client_status, dealing.account_status))


def require_may_deal(dealing: Dealing, *, may_reduce: bool = False) -> None:
    """:raises AccountUnavailable: the client's or the account's status does not allow it"""
    if not may_deal(dealing) and not (may_reduce and is_restricted(dealing)):
        raise AccountUnavailable("no deals on this account")


def require_may_answer(deal: Deal) -> None:
    """
    :raises AppError: AccountUnavailable, NotEntitled, QuoteWithdrawn
    """
    status = client_rules.stricter(deal.client_status, deal.account_status)
    if not client_rules.may_deal(status) and not (deal.is_reducing and client_rules.may_reduce(status)):
        raise AccountUnavailable("no deals on this account")
    if "trader" not in (deal.member_roles or ()):
        raise NotEntitled("this member does not deal on this account")
    if deal.is_left_none:
        raise QuoteWithdrawn("the account's terms changed while it was asked for: ask again")


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
    tenor_days = int((tenor or dealing.default_tenor)[-1])
    changes = _changes(dealing.calendar_changes)
    return calendar.settle_on(now, today, base, quote, tenor_days, cutoffs=_cutoffs(dealing), calendars=changes.calendars)


def same_value_date(dealing: Dealing, rfq: Rfq, now: datetime) -> calendar.ValueDate:
    """The value date that a request was told when it came, for its next quote.

    :raises PastCutoff: a cut-off of that day has passed since, or the day is good no more
    """
    base, quote = _assets(dealing)
    calendars = _changes(dealing.calendar_changes).calendars
    return calendar.still_on(now, rfq.value_date, base, quote, int(rfq.tenor[-1]), cutoffs=_cutoffs(dealing), calendars=calendars)


def _assets(dealing: Dealing) -> tuple[calendar.Asset, calendar.Asset]:
    return (
        calendar.Asset(dealing.base, calendar.Kind(dealing.base_kind)),
        calendar.Asset(dealing.quote, calendar.Kind(dealing.quote_kind)),
    )


def _cutoffs(dealing: Dealing) -> list[calendar.CutOff]:
    changed = _changes(dealing.calendar_changes).cutoffs
    return [
        calendar.CutOff(c["asset"], time.fromisoformat(c["at"]), c["zone"], tuple(changed.get(c["rail"], {}).items()))
        for c in dealing.cutoffs
    ]


@dataclass(frozen=True, slots=True)
class _Changed:
    calendars: calendar.Calendars
    cutoffs: dict[str, dict[date, time]]  # by rail


@cache
def _changes(told: tuple[str, ...]) -> _Changed:
    """The desk's changes of calendars as the dealing statement tells them."""
    days: list[tuple[int, str, date, bool | None]] = []
    cutoffs: dict[str, dict[date, time]] = {}
    for number, what, on, to in (line.split(" ") for line in told):
        day = date.fromisoformat(on)
        if ":" in to:
            cutoffs.setdefault(what, {})[day] = time.fromisoformat(to)
        else:
            cutoffs.get(what, {}).pop(day, None)
            days.append((int(number), what, day, {"true": True, "false": False}.get(to)))
    revision = max((int(line.split(" ", 1)[0]) for line in told), default=0)
    return _Changed(replace(calendar.calendars_of(tuple(days)), revision=revision), cutoffs)


def pair_of(dealing: Dealing) -> PairSpec:
    return PairSpec(dealing.base, dealing.quote, dealing.tick, dealing.base_scale, dealing.quote_scale)


def fee_of(dealing: Dealing) -> Fee:
    return Fee(bps=dealing.fee_bps, mode=FeeMode(dealing.fee_mode))


def price_sides(
    dealing: Dealing, policy: PairPolicy, wanted: Wanted, market: Market, *, ttl_ms: int, now: datetime
) -> tuple[dict[Side, SidePrice], list[str]]:
    """Each side asked for, by policy, and every reason why a person has to price it instead (rfqs.rules.REASONS).

    Of a two-way request that would take a position past its hard limit on one side, the other side alone is priced. Where a reason leaves
    no price (no depth, no volatility) the sides are empty.

    :raises SizeTooSmall: nothing would be left to pay or to receive
    :raises QuoteInconsistent: what came out does not agree with the book it was made from
    """
    reasons = _bounds(dealing, policy, wanted, market, ttl_ms, now)
    asked = rfq_rules.sides_of(wanted.side)
    free = tuple(side for side in asked if not _is_past_limit(dealing, side, size_of(wanted, market), market.mid))
    if not free:
        reasons.append("INVENTORY")
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
            for side in (asked if reasons else free)  # a person prices all that was asked for
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
    size = size_of(wanted, market)
    reasons = prices.reasons_for_desk(market.depth, now, pricing.bounds_of(policy), quantity=size)
    if size * market.mid * market.usd_per_quote > dealing.auto_max_usd:
        reasons.append("CLIENT_SIZE")
    if ttl_ms > rfq_rules.AUTO_TTL_MS[1]:
        reasons.append("TTL")
    return reasons


def size_of(wanted: Wanted, market: Market) -> Decimal:
    """In base; an amount of quote at the mid."""
    return wanted.quantity if wanted.quantity is not None else (wanted.quote_quantity or money.ZERO) / market.mid


def _is_past_limit(dealing: Dealing, side: Side, size: Decimal, mid: Decimal) -> bool:
    """In base or quote. A client's buy takes base from us and brings quote."""
    brings = prices.Side.SELL if side is Side.BUY else prices.Side.BUY
    ours = {dealing.base: (prices.Side(side), size), dealing.quote: (brings, size * mid)}
    return any(
        prices.is_past_limit(taken, position=position, quantity=amount, hard=hard)
        for asset, (hard, position) in dealing.hard_limits.items()
        for taken, amount in [ours[asset]]
    )


def notional_of(priced: Sides, market: Market) -> Decimal:
    """The larger side of a quote, in USD."""
    return max(price.quote_quantity for price in priced.values()) * market.usd_per_quote


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
