"""An order book of one venue: what is wrong with it, and what a size costs in it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from apps.core import money
from apps.pricing.errors import NotEnoughDepth

PRICE_SCALE = money.MAX_SCALE  # averages and crossed prices are kept to 18 decimals


@dataclass(frozen=True, slots=True)
class Level:
    """A price (quote units for one base unit) and the base quantity that stands there."""

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class OrderBook:
    """What one venue shows at `at`: bids from the highest, asks from the lowest."""

    venue: str
    pair: str
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    at: datetime

    @property
    def mid(self) -> Decimal:
        """Half way between the best bid and the best ask; the book must have both."""
        return middle(self.bids, self.asks)


def middle(bids: Sequence[Level], asks: Sequence[Level]) -> Decimal:
    return money.round_even((bids[0].price + asks[0].price) / 2, PRICE_SCALE)


def check_book(book: OrderBook, *, min_depth: Decimal = money.ZERO) -> tuple[str, ...]:
    """Everything that is wrong with a book in itself; empty when it may be used.

    :param min_depth: base quantity that each side must show, else `thin`
    :returns: of `not_a_number`, `non_positive`, `empty`, `unsorted`, `crossed` (a locked book counts as crossed), `thin`
    """
    numbers = [number for level in (*book.bids, *book.asks) for number in (level.price, level.quantity)]
    if not all(number.is_finite() for number in numbers):
        return ("not_a_number",)
    if any(number <= 0 for number in numbers):
        return ("non_positive",)
    if not book.bids or not book.asks:
        return ("empty",)
    reasons = []
    if not _rises(level.price for level in book.asks) or not _rises(-level.price for level in book.bids):
        reasons.append("unsorted")
    if max(level.price for level in book.bids) >= min(level.price for level in book.asks):
        reasons.append("crossed")
    if depth(book.bids) < min_depth or depth(book.asks) < min_depth:
        reasons.append("thin")
    return tuple(reasons)


def depth(levels: Iterable[Level]) -> Decimal:
    """The base quantity of one side."""
    return sum((level.quantity for level in levels), money.ZERO)


def cost(levels: Sequence[Level], quantity: Decimal) -> Decimal:
    """What `quantity` of base costs (asks) or brings (bids), walking the levels from the best; exact.

    :raises NotEnoughDepth: the side holds less
    """
    total, shown = cost_within(levels, quantity)
    if shown < quantity:
        raise NotEnoughDepth(f"{money.text(quantity)} asked for, {money.text(shown)} shown", available=money.text(shown))
    return total


def cost_within(levels: Iterable[Level], quantity: Decimal) -> tuple[Decimal, Decimal]:
    """What `quantity` of base costs (asks) or brings (bids), or as much of it as the side holds, and how much that is; exact."""
    total, left = money.ZERO, quantity
    for level in levels:
        if left <= level.quantity:
            return total + left * level.price, quantity
        total += level.quantity * level.price
        left -= level.quantity
    return total, quantity - left


def vwap(levels: Sequence[Level], quantity: Decimal) -> Decimal:
    """Volume-weighted average price of `quantity` of base, to 18 decimals; never better for a larger size.

    :raises NotEnoughDepth: the side holds less
    """
    return money.round_even(cost(levels, quantity) / quantity, PRICE_SCALE)


def vwap_within(levels: Sequence[Level], quantity: Decimal) -> Decimal:
    """:func:`vwap` of `quantity`, or of all that the side holds where that is less."""
    total, shown = cost_within(levels, quantity)
    return money.round_even(total / shown, PRICE_SCALE)


def quantity_for(levels: Sequence[Level], amount: Decimal) -> Decimal:
    """The base quantity whose cost is `amount` of quote: the inverse of `cost`, at the context's precision.

    :raises NotEnoughDepth: the side is worth less
    """
    total, left = money.ZERO, amount
    for level in levels:
        worth = level.price * level.quantity
        if left <= worth:
            return total + left / level.price
        total += level.quantity
        left -= worth
    raise NotEnoughDepth(
        f"worth {money.text(amount)} asked for, {money.text(amount - left)} shown", available_amount=money.text(amount - left)
    )


def _rises(prices: Iterable[Decimal]) -> bool:
    return all(a < b for a, b in pairwise(prices))
