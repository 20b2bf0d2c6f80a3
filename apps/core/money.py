"""Money is Decimal, 18 decimals in the database, and never a float. No Django here."""

import decimal
import re
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from functools import cache

PRECISION = 78  # twice numeric(38): a product of two amounts is exact
MAX_SCALE = 18
ZERO = Decimal(0)
_INBOUND = re.compile(r"[0-9]{1,20}(\.[0-9]{1,18})?", re.ASCII)


class NotAnAmount(ValueError):
    """The text is not a plain decimal amount; the message says why."""


def use_exact_context() -> None:
    """28 digits lose silently: every thread that starts work calls this (settings, worker children, commands)."""
    decimal.DefaultContext.prec = PRECISION
    decimal.setcontext(decimal.Context(prec=PRECISION))


def parse(text: object) -> Decimal:
    """Read an inbound amount: `[0-9]{1,20}(.[0-9]{1,18})?`, ASCII, no sign, no exponent.

    :raises NotAnAmount: anything else, a float and NaN included
    """
    if not isinstance(text, str):
        raise NotAnAmount(f"an amount is a decimal string, not {type(text).__name__}")
    if not _INBOUND.fullmatch(text):
        raise NotAnAmount("not a plain decimal: up to 20 digits, then up to 18 decimals, no sign and no exponent")
    return Decimal(text)


def parse_signed(text: str) -> Decimal:
    """The same of a balance, which may be below zero: a minus before it.

    :raises NotAnAmount: anything else
    """
    return parse(text.removeprefix("-")) * (-1 if text.startswith("-") else 1)


def scale_of(value: Decimal) -> int:
    """How many decimals it really uses: 1.500 → 1."""
    exponent = value.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "not a finite number"
    return max(0, -exponent)


@cache
def quantum(scale: int) -> Decimal:
    return Decimal(1).scaleb(-scale)


def round_down(value: Decimal, scale: int) -> Decimal:
    """Toward minus infinity, to `scale` decimals: what a client receives."""
    return value.quantize(quantum(scale), rounding=ROUND_FLOOR)


def round_up(value: Decimal, scale: int) -> Decimal:
    """Toward plus infinity, to `scale` decimals: what a client pays."""
    return value.quantize(quantum(scale), rounding=ROUND_CEILING)


def round_even(value: Decimal, scale: int) -> Decimal:
    return value.quantize(quantum(scale), rounding=ROUND_HALF_EVEN)


def text(value: Decimal) -> str:
    """Plain decimal string without exponent or trailing zeros: Decimal('1E-8') → '0.00000001'."""
    out = format(value, "f")
    if "." in out:
        out = out.rstrip("0").rstrip(".")
    return "0" if out in {"-0", ""} else out


def fixed(value: Decimal, scale: int) -> str:
    """Decimal string with exactly the asset's decimals, more only where the value has them."""
    return format(value.quantize(quantum(max(scale, scale_of(value)))), "f")
