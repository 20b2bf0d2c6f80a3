"""What one unit of an asset is worth in another, by composite mids. No stablecoin is taken as 1."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from apps.core import money

SCALE = 18  # an inverse or a product is rounded once, half to even: what is computed with it is exact


@dataclass(frozen=True, slots=True)
class Conversion:
    """A price, and the pairs it came from."""

    price: Decimal
    pairs: tuple[str, ...]


def convert(asset: str, currency: str, mids: Mapping[str, Decimal]) -> Conversion | None:
    """By the pair of the two, its inverse, or two pairs with an asset in common; None where they do not lead there.

    :param mids: by pair, BASE-QUOTE: quote per base
    """
    if asset == currency:
        return Conversion(Decimal(1), ())
    straight = _step(asset, currency, mids)
    if straight is not None:
        return straight
    for middle in sorted({code for pair in mids for code in pair.split("-")} - {asset, currency}):
        first, second = _step(asset, middle, mids), _step(middle, currency, mids)
        if first is not None and second is not None:
            return Conversion(money.round_even(first.price * second.price, SCALE), (*first.pairs, *second.pairs))
    return None


def _step(asset: str, currency: str, mids: Mapping[str, Decimal]) -> Conversion | None:
    for pair, inverse in ((f"{asset}-{currency}", False), (f"{currency}-{asset}", True)):
        mid = mids.get(pair)
        if mid is not None and mid > 0:
            return Conversion(money.round_even(1 / mid, SCALE) if inverse else mid, (pair,))
    return None
