"""The price for a client: what the size costs in the book, our spread, the fee apart, amounts rounded once."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from apps.core import money
from apps.pricing.errors import NotEnoughDepth, SizeTooSmall

from . import book
from .book import PRICE_SCALE, Level
from .composite import BPS, Composite
from .fee import NO_FEE, Fee, FeeMode
from .spread import FREE_TTL_MS, Part, Side, Spread, factor, kept, size_bps, total_bps, unsized_parts


@dataclass(frozen=True, slots=True)
class PairSpec:
    """What a pair's prices and amounts look like: tick in quote units, settlement scales in decimals."""

    base: str
    quote: str
    tick: Decimal
    base_scale: int
    quote_scale: int


@dataclass(frozen=True, slots=True)
class SidePrice:
    """One side of a quote. `quantity` is base; `quote_quantity`, `fee` and the amounts are at their assets' settlement scales.

    ADDED: a buyer pays quote_quantity + fee, a seller receives quote_quantity − fee. INCLUDED: `price` and `quote_quantity` hold the fee.
    INVOICED: the fee is no part of the amounts. `reference` is the book's average for the size, `trader_price` the price before the
    client's markup and the fee (both to 18 decimals, for the P&L), `spread_bps` the sum of `parts`.
    """

    side: Side
    price: Decimal
    quantity: Decimal
    quote_quantity: Decimal
    fee: Decimal
    client_pays: Decimal
    client_receives: Decimal
    reference_mid: Decimal
    reference: Decimal
    trader_price: Decimal
    spread_bps: Decimal
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class _Ask:
    """What is asked, worked out as far as the size does not matter."""

    side: Side
    levels: Sequence[Level]
    mid: Decimal
    pair: PairSpec
    spread: Spread
    fee: Fee
    parts: tuple[Part, ...]

    @property
    def buys(self) -> bool:
        return self.side is Side.BUY

    def with_fee(self, amount: Decimal) -> Decimal:
        return amount + self.fee.on(amount) if self.buys else amount - self.fee.on(amount)

    def marked(self, worth: Decimal, parts: tuple[Part, ...]) -> tuple[Decimal, tuple[Part, ...]]:
        """What the book's amount becomes with our spread; a lift to the least we earn is a part of its own, `minimum`."""
        with_spread = worth * factor(self.side, parts)
        least = worth + self.spread.minimum_earn if self.buys else worth - self.spread.minimum_earn
        if least <= 0:
            raise SizeTooSmall("the size does not cover the least we earn")
        short = least - with_spread if self.buys else with_spread - least
        return (least, (*parts, Part("minimum", kept(short / worth * BPS)))) if short > 0 else (with_spread, parts)

    def unmarked(self, amount: Decimal, parts: tuple[Part, ...]) -> Decimal:
        """The book's amount that becomes `amount` with our spread: the inverse of `marked`."""
        least = self.spread.minimum_earn
        worth = (
            min(amount / factor(self.side, parts), amount - least) if self.buys else max(amount / factor(self.side, parts), amount + least)
        )
        if worth <= 0:
            raise SizeTooSmall("the size does not cover the least we earn")
        return worth

    def to_tick(self, price: Decimal) -> Decimal:
        """Away from the client; what is within 1e-18 of a tick is on it, so that a division's last digit never costs one."""
        steps = money.round_even(price, PRICE_SCALE) / self.pair.tick
        return steps.to_integral_value(rounding=ROUND_CEILING if self.buys else ROUND_FLOOR) * self.pair.tick

    def settled(self, amount: Decimal) -> Decimal:
        """An amount of quote: what a buyer pays up, what a seller receives down."""
        return money.round_up(amount, self.pair.quote_scale) if self.buys else money.round_down(amount, self.pair.quote_scale)


def client_price(
    side: Side,
    *,
    depth: Composite,
    pair: PairSpec,
    spread: Spread,
    fee: Fee = NO_FEE,
    position: Decimal = money.ZERO,
    ttl_ms: int = FREE_TTL_MS,
    quantity: Decimal | None = None,
    quote_quantity: Decimal | None = None,
) -> SidePrice:
    """Price one side for a base `quantity`, or for a `quote_quantity`: what the client pays or receives in all, fee included.

    The price is rounded to the tick away from the client; then both amounts once, what the client pays up and what it receives down.

    :param position: our net open position in the base asset, long above zero: long moves both sides down, short up
    :param ttl_ms: above 10 s the price carries a time premium of 0.4 σ√ttl
    :raises NotEnoughDepth: the book does not hold the size
    :raises PriceUnavailable: the book has an empty side, or volatility is needed and not known
    :raises SizeTooSmall: nothing would be left to pay or to receive
    :raises ValueError: not exactly one of the two sizes, one that is not above zero, or one with more decimals than its asset
    """
    if (quantity is None) == (quote_quantity is None):
        raise ValueError("exactly one of quantity and quote_quantity")
    mid = depth.mid
    levels = depth.asks if side is Side.BUY else depth.bids
    ask = _Ask(side, levels, mid, pair, spread, fee, unsized_parts(side, spread, depth.sigma, position, ttl_ms))
    if quantity is not None:
        _require_scale(quantity, pair.base_scale, "quantity")
        return _for_base(ask, quantity)
    assert quote_quantity is not None
    _require_scale(quote_quantity, pair.quote_scale, "quote_quantity")
    return _for_quote(ask, quote_quantity)


def given_price(
    side: Side,
    *,
    price: Decimal,
    depth: Composite,
    pair: PairSpec,
    fee: Fee = NO_FEE,
    client_bps: Decimal = money.ZERO,
    quantity: Decimal | None = None,
    quote_quantity: Decimal | None = None,
) -> SidePrice:
    """The amounts of one side at a price that a person gives, by the same rounding as `client_price`; no time premium.

    The price goes to the tick, away from the client. What it is away from the book's average for the size (over the whole depth where the
    book holds less) is told as two parts: the client's own markup, and `hand`, the rest.

    :param price: what the client is shown; it holds the fee where the fee is INCLUDED
    :param client_bps: the client's markup, which the trader's own rate leaves out
    :raises SizeTooSmall: nothing would be left to pay or to receive
    :raises PriceUnavailable: the book has an empty side, or the price is next to nothing of it
    :raises ValueError: as `client_price`; a price that is not above zero
    """
    if (quantity is None) == (quote_quantity is None):
        raise ValueError("exactly one of quantity and quote_quantity")
    if not price.is_finite() or price <= 0:
        raise ValueError("price: above zero")
    levels = depth.asks if side is Side.BUY else depth.bids
    ask = _Ask(side, levels, depth.mid, pair, Spread(client_bps=client_bps), fee, ())
    at = ask.to_tick(price)
    if at <= 0:
        raise SizeTooSmall("less than one tick is left as a price")
    if quantity is not None:
        _require_scale(quantity, pair.base_scale, "quantity")
        gross = at * quantity
        total, shown = ask.settled(ask.with_fee(gross) if fee.mode is FeeMode.ADDED else gross), ask.settled(gross)
    else:
        assert quote_quantity is not None
        _require_scale(quote_quantity, pair.quote_scale, "quote_quantity")
        total = quote_quantity
        gross = ask.fee.before(total, client_pays=ask.buys) if fee.mode is FeeMode.ADDED else total
        if gross <= 0:
            raise SizeTooSmall("the fee leaves nothing to deal")
        exact, shown = gross / at, ask.settled(gross)
        quantity = money.round_down(exact, pair.base_scale) if ask.buys else money.round_up(exact, pair.base_scale)
    if quantity <= 0:
        raise SizeTooSmall("after price, fee and rounding nothing is left")
    ours = fee.before(gross, client_pays=ask.buys) / gross if fee.mode is FeeMode.INCLUDED else Decimal(1)
    away = (at * ours / book.vwap_within(levels, quantity) - 1) * BPS
    client = Part("client", kept(client_bps))
    hand = Part("hand", kept((away if ask.buys else -away) - client.bps))
    return _side_price(ask, (client, hand), price=at, quantity=quantity, quote_quantity=shown, total=total)


def _for_base(ask: _Ask, quantity: Decimal) -> SidePrice:
    parts = (*ask.parts, Part("size", kept(size_bps(ask.spread, quantity))))
    marked, parts = ask.marked(book.cost(ask.levels, quantity), parts)
    shown = ask.with_fee(marked) if ask.fee.mode is FeeMode.INCLUDED else marked
    price = ask.to_tick(shown / quantity)
    gross = price * quantity
    total = ask.settled(ask.with_fee(gross) if ask.fee.mode is FeeMode.ADDED else gross)
    return _side_price(ask, parts, price=price, quantity=quantity, quote_quantity=ask.settled(gross), total=total)


def _for_quote(ask: _Ask, total: Decimal) -> SidePrice:
    before_fee = total if ask.fee.mode is FeeMode.INVOICED else ask.fee.before(total, client_pays=ask.buys)
    if before_fee <= 0:
        raise SizeTooSmall("the fee leaves nothing to deal")
    exact, parts = _base_for(ask, before_fee)
    shown = total if ask.fee.mode is FeeMode.INCLUDED else before_fee
    price = ask.to_tick(shown / exact)
    if price <= 0:
        raise SizeTooSmall("less than one tick is left as a price")
    scale = ask.pair.base_scale
    quantity = money.round_down(shown / price, scale) if ask.buys else money.round_up(shown / price, scale)
    return _side_price(ask, parts, price=price, quantity=quantity, quote_quantity=ask.settled(shown), total=total)


def _base_for(ask: _Ask, amount: Decimal) -> tuple[Decimal, tuple[Part, ...]]:
    """The base quantity that `amount` of quote stands for at our price, before the tick; the step of the size is found with it."""
    steps = ask.spread.size_steps
    edges = [step.above for step in steps]
    for bps, lower, upper in zip([money.ZERO, *(step.bps for step in steps)], [money.ZERO, *edges], [*edges, None], strict=True):
        parts = (*ask.parts, Part("size", kept(bps)))
        try:
            quantity = book.quantity_for(ask.levels, ask.unmarked(amount, parts))
        except NotEnoughDepth:
            if upper is None or book.depth(ask.levels) <= upper:
                raise
            continue
        if quantity < lower:
            # Between the dearest total of one step and the cheapest of the next a buyer gets the edge: more money never buys less.
            between = (amount / book.cost(ask.levels, lower) - 1) * BPS - total_bps(ask.parts)
            return lower, (*ask.parts, Part("size", kept(between)))
        if upper is None or quantity <= upper:
            return quantity, ask.marked(book.cost(ask.levels, quantity), parts)[1]
    raise AssertionError("the last step has no upper edge")


def _side_price(
    ask: _Ask, parts: tuple[Part, ...], *, price: Decimal, quantity: Decimal, quote_quantity: Decimal, total: Decimal
) -> SidePrice:
    if min(price, quantity, quote_quantity, total) <= 0:
        raise SizeTooSmall("after price, fee and rounding nothing is left")
    if ask.fee.mode is FeeMode.ADDED:
        fee = abs(total - quote_quantity)
    elif ask.fee.mode is FeeMode.INCLUDED:
        fee = money.round_down(abs(total - ask.fee.before(total, client_pays=ask.buys)), ask.pair.quote_scale)
    else:
        fee = money.round_down(ask.fee.on(quote_quantity), ask.pair.quote_scale)
    # A seller's base, rounded up from an amount of quote, may pass the depth by that rounding: the average is over the depth then.
    reference = book.vwap_within(ask.levels, quantity)
    before_markup = factor(ask.side, tuple(part for part in parts if part.name != "client"))
    return SidePrice(
        side=ask.side,
        price=price,
        quantity=quantity,
        quote_quantity=quote_quantity,
        fee=fee,
        client_pays=total if ask.buys else quantity,
        client_receives=quantity if ask.buys else total,
        reference_mid=ask.mid,
        reference=reference,
        trader_price=money.round_even(reference * before_markup, PRICE_SCALE),
        spread_bps=total_bps(parts),
        parts=parts,
    )


def _require_scale(size: Decimal, scale: int, name: str) -> None:
    if not size.is_finite() or size <= 0 or money.scale_of(size) > scale:
        raise ValueError(f"{name}: above zero, with at most {scale} decimals")
