"""What a payment that comes late costs. No Django."""

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal

from apps.core import money

# Money markets that count days over 365 (ISDA 2021 Interest Rate Derivatives Definitions 4.6.1, "Actual/365 (Fixed)"); other currencies
# count over 360 ("Actual/360"). A stablecoin counts as the currency it stands for, a crypto-asset, which has no calendar, over 365.
OVER_365 = frozenset({"GBP", "AUD", "NZD", "CAD", "HKD", "SGD", "ZAR", "PLN", "KRW", "TWD", "INR", "THB", "MYR"})
STANDS_FOR = {"USDC": "USD", "USDT": "USD", "PYUSD": "USD", "EURC": "EUR"}


def day_count(asset: str, *, is_money: bool) -> int:
    """360 or 365: the days of a year by which interest on an asset is counted.

    :param is_money: a fiat currency or a stablecoin
    """
    return 365 if not is_money or STANDS_FOR.get(asset, asset) in OVER_365 else 360


def late_interest(*, amount: Decimal, rate: Decimal, since: date, until: date, basis: int, scale: int) -> Decimal:
    """Simple interest for calendar days: amount × rate × days ÷ basis, rounded half to even in the asset's decimals.

    :param rate: a year's, as a share: 0.06 is 6 %
    :param since: the value date that was missed; `until`: the new one
    :param basis: of :func:`day_count`
    """
    days = (until - since).days
    if days <= 0:
        return money.ZERO
    return (amount * rate * days / basis).quantize(money.quantum(scale), rounding=ROUND_HALF_EVEN)
