"""The price for a client: what the size costs in the book, our spread, the fee apart, amounts rounded once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from apps.core import money
from apps.pricing.errors import NotEnoughDepth, SizeTooSmall

from . import book
from .book import PRICE_SCALE, Level
from .composite import BPS, Composite
from .fee import NO_FEE, Fee, FeeMode
from .spread import FREE_TTL_MS, Part, Side, Spread, factor, kept, parts_of, size_bps


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
    fixed_parts = _parts(side, spread, depth.sigma, position, ttl_ms)
    levels = depth.asks if side is Side.BUY else depth.bids
    if quantity is not None:
        _require_scale(quantity, pair.base_scale, "quantity")
        return _for_base(side, levels, pair, spread, fee, mid, fixed_parts, quantity)
    assert quote_quantity is not None
    _require_scale(quote_quantity, pair.quote_scale, "quote_quantity")
    return _for_quote(side, levels, pair, spread, fee, mid, fixed_parts, quote_quantity)


def _for_base(
    side: Side, levels: Sequence[Level], pair: PairSpec, spread: Spread, fee: Fee, mid: Decimal, fixed: tuple[Part, ...], quantity: Decimal
) -> SidePrice:
    parts = (*fixed, Part("size", _bps(size_bps(spread, quantity))))
    buys = side is Side.BUY
    worth = book.cost(levels, quantity)
    marked, parts = _with_minimum(worth, _factor(side, parts), spread.minimum_earn, buys, parts)
    shown = marked
    if fee.mode is FeeMode.INCLUDED:
        shown += fee.on(marked) if buys else -fee.on(marked)
    price = _to_tick(shown / quantity, pair.tick, up=buys)
    gross = price * quantity
    total = gross
    if fee.mode is FeeMode.ADDED:
        total += fee.on(gross) if buys else -fee.on(gross)
    total = _settled(total, pair.quote_scale, up=buys)
    quote_quantity = _settled(gross, pair.quote_scale, up=buys)
    return _side_price(side, pair, fee, mid, book.vwap(levels, quantity), parts, price, quantity, quote_quantity, total)


def _for_quote(
    side: Side, levels: Sequence[Level], pair: PairSpec, spread: Spread, fee: Fee, mid: Decimal, fixed: tuple[Part, ...], total: Decimal
) -> SidePrice:
    buys = side is Side.BUY
    before_fee = total if fee.mode is FeeMode.INVOICED else fee.before(total, client_pays=buys)
    if before_fee <= 0:
        raise SizeTooSmall("the fee leaves nothing to deal")
    exact, parts = _base_for(side, levels, spread, before_fee, fixed)
    shown = total if fee.mode is FeeMode.INCLUDED else before_fee
    price = _to_tick(shown / exact, pair.tick, up=buys)
    if price <= 0:
        raise SizeTooSmall("less than one tick is left as a price")
    quantity = _settled(shown / price, pair.base_scale, up=not buys)
    if quantity <= 0:
        raise SizeTooSmall("the amount buys less than one unit")
    quote_quantity = _settled(shown, pair.quote_scale, up=buys)
    # What a seller gives may pass the depth by less than one tick's worth, through rounding alone: it is averaged over the whole depth then.
    reference = book.vwap(levels, min(quantity, book.depth(levels)))
    return _side_price(side, pair, fee, mid, reference, parts, price, quantity, quote_quantity, total)


def _base_for(
    side: Side, levels: Sequence[Level], spread: Spread, amount: Decimal, fixed: tuple[Part, ...]
) -> tuple[Decimal, tuple[Part, ...]]:
    """The base quantity that `amount` of quote stands for at our price, before the tick: the step of the size part is found with it."""
    buys = side is Side.BUY
    edges = [step.above for step in spread.size_steps]
    for bps, lower, upper in zip(
        [money.ZERO, *(step.bps for step in spread.size_steps)], [money.ZERO, *edges], [*edges, None], strict=True
    ):
        parts = (*fixed, Part("size", _bps(bps)))
        factor = _factor(side, parts)
        in_book = min(amount / factor, amount - spread.minimum_earn) if buys else max(amount / factor, amount + spread.minimum_earn)
        if in_book <= 0:
            raise SizeTooSmall("the size does not cover the least we earn")
        try:
            quantity = book.quantity_for(levels, in_book)
        except NotEnoughDepth:
            if upper is None or book.depth(levels) <= upper:
                raise
            continue
        if quantity < lower:
            # Between the dearest total of one step and the cheapest of the next a buyer gets the step's edge: more money never buys less.
            between = (amount / book.cost(levels, lower) - 1) * BPS - sum((part.bps for part in fixed), money.ZERO)
            return lower, (*fixed, Part("size", _bps(between)))
        if upper is None or quantity <= upper:
            _, parts = _with_minimum(book.cost(levels, quantity), factor, spread.minimum_earn, buys, parts)
            return quantity, parts
    raise AssertionError("the last step has no upper edge")


def _with_minimum(
    worth: Decimal, factor: Decimal, minimum: Decimal, buys: bool, parts: tuple[Part, ...]
) -> tuple[Decimal, tuple[Part, ...]]:
    """The amount with the spread, lifted to the least we earn; the lift becomes a part of its own."""
    marked = worth * factor
    floor = worth + minimum if buys else worth - minimum
    if floor <= 0:
        raise SizeTooSmall("the size does not cover the least we earn")
    if minimum and (marked < floor if buys else marked > floor):
        return floor, (*parts, Part("minimum", _bps(abs(floor - marked) / worth * BPS)))
    return marked, parts


def _side_price(
    side: Side,
    pair: PairSpec,
    fee: Fee,
    mid: Decimal,
    reference: Decimal,
    parts: tuple[Part, ...],
    price: Decimal,
    quantity: Decimal,
    quote_quantity: Decimal,
    total: Decimal,
) -> SidePrice:
    buys = side is Side.BUY
    if fee.mode is FeeMode.ADDED:
        charged = abs(total - quote_quantity)
    elif fee.mode is FeeMode.INCLUDED:
        charged = _settled(abs(total - fee.before(total, client_pays=buys)), pair.quote_scale, up=False)
    else:
        charged = _settled(fee.on(quote_quantity), pair.quote_scale, up=False)
    if min(price, quantity, quote_quantity, total) <= 0:
        raise SizeTooSmall("after price, fee and rounding nothing is left")
    without_markup = tuple(part for part in parts if part.name != "client")
    return SidePrice(
        side=side,
        price=price,
        quantity=quantity,
        quote_quantity=quote_quantity,
        fee=charged,
        client_pays=total if buys else quantity,
        client_receives=quantity if buys else total,
        reference_mid=mid,
        reference=reference,
        trader_price=money.round_even(reference * _factor(side, without_markup), PRICE_SCALE),
        spread_bps=sum((part.bps for part in parts), money.ZERO),
        parts=parts,
    )


def _to_tick(price: Decimal, tick: Decimal, *, up: bool) -> Decimal:
    """Round to the tick; what is within 1e-18 of a tick is on it, so that a division's last digit never costs one."""
    steps = money.round_even(price, PRICE_SCALE) / tick
    return steps.to_integral_value(rounding=ROUND_CEILING if up else ROUND_FLOOR) * tick


def _settled(amount: Decimal, scale: int, *, up: bool) -> Decimal:
    return money.round_up(amount, scale) if up else money.round_down(amount, scale)


def _require_scale(size: Decimal, scale: int, name: str) -> None:
    if not size.is_finite() or size <= 0 or money.scale_of(size) > scale:
        raise ValueError(f"{name}: above zero, with at most {scale} decimals")
