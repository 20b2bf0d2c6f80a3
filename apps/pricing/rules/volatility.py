"""Realised volatility out of recent mids."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Context, Decimal, localcontext
from itertools import pairwise

from apps.core import money

YEAR = timedelta(days=365, hours=6)
SIGMA_SCALE = 6
MOST = Decimal(10)  # 1000 %: past this it is a broken series, and a premium out of it would be no price


def sigma(mids: Sequence[tuple[datetime, Decimal]], *, fewest: int = 10) -> Decimal | None:
    """Annualised realised volatility as a fraction, to 6 decimals: √(Σ ln² / elapsed years).

    The mean is taken as zero, as is usual over short windows. Uneven steps are allowed: variance adds up over time.

    :param mids: (instant, mid), rising in time; a step back or a mid at or below zero is a bug of the caller's
    :returns: None with fewer than `fewest` mids or when no time has passed; at most 10 (1000 %)
    """
    if len(mids) < fewest:
        return None
    elapsed = mids[-1][0] - mids[0][0]
    if elapsed <= timedelta(0):
        return None
    with localcontext(Context(prec=28)):  # logarithms at 78 digits cost 20 times more and end in the same 6 decimals
        squares = sum(((later / earlier).ln() ** 2 for (_, earlier), (_, later) in pairwise(mids)), money.ZERO)
        years = Decimal(elapsed // timedelta(microseconds=1)) / Decimal(YEAR // timedelta(microseconds=1))
        return money.round_even(min(MOST, (squares / years).sqrt()), SIGMA_SCALE)
