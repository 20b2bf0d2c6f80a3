"""The setting CHAIN_FEE_MAX: what a replaced transaction may cost at most, by rail code."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from apps.core import money


def read(given: Any) -> dict[str, Decimal]:
    """
    :param given: {rail code: the highest fee, a decimal text in units of the rail's asset}
    :raises ImproperlyConfigured: what is wrong, and where
    """
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured("CHAIN_FEE_MAX: an object of amounts by rail code")
    out: dict[str, Decimal] = {}
    for code, most in given.items():
        try:
            out[code] = money.parse(most) if isinstance(most, str) else Decimal(0)
        except money.NotAnAmount as no:
            raise ImproperlyConfigured(f"CHAIN_FEE_MAX, {code}: {no}") from None
        if out[code] <= 0:
            raise ImproperlyConfigured(f"CHAIN_FEE_MAX, {code}: more than nothing, as a text")
    return out
