"""Amounts as people type them: 25, 1,250,000.50, 250k, 2.5m, 1b."""

import re
from datetime import UTC, datetime
from decimal import Decimal

from apps.core import money
from apps.core.errors import Rejected

SHORT = {"k": 3, "m": 6, "b": 9}
_TYPED = re.compile(r"([0-9][0-9,' ]*(?:\.[0-9]*)?|\.[0-9]+)\s*([kmb]?)", re.ASCII | re.IGNORECASE)
_GROUPS = str.maketrans("", "", ",' ")


class Unreadable(Rejected):
    """A field of a form that does not say what it should."""

    code, title = "field_unreadable", "A field cannot be read"


def read(text: str, field: str) -> Decimal:
    """An amount above zero; k, m and b stand for thousands, millions and billions.

    :raises Unreadable: anything else
    """
    found = _TYPED.fullmatch(text.strip()[:40])
    if found is None:
        raise Unreadable(f"{field}: an amount such as 25, 1,250,000.50, 250k or 2.5m", pointer=field)
    digits = found[1].translate(_GROUPS).rstrip(".")
    try:
        value = money.parse(f"0{digits}" if digits.startswith(".") else digits)
    except money.NotAnAmount:
        raise Unreadable(f"{field}: too many digits", pointer=field) from None
    value = value.scaleb(SHORT.get(found[2].lower(), 0))
    if value <= 0 or value >= Decimal(10) ** 20:
        raise Unreadable(f"{field}: above zero, with at most 20 digits", pointer=field)
    return value


def read_signed(text: str, field: str) -> Decimal:
    """As `read`, but zero and below zero too: a margin or a profit.

    :raises Unreadable: anything else
    """
    bare = text.strip()
    sign = -1 if bare[:1] in {"-", "\N{MINUS SIGN}"} else 1
    bare = bare.lstrip("+-\N{MINUS SIGN}")
    return Decimal(0) if re.fullmatch(r"0*\.?0*", bare) and bare.strip(".") else sign * read(bare, field)


def read_moment(text: str, field: str) -> datetime:
    """A date and time of day in UTC, as the browser's field sends it.

    :raises Unreadable: anything else
    """
    try:
        found = datetime.fromisoformat(text.strip()[:40])
    except ValueError:
        raise Unreadable(f"{field}: a date and a time of day, UTC", pointer=field) from None
    if not 1970 <= found.year <= 2999:
        raise Unreadable(f"{field}: no desk ever dealt in {found.year}", pointer=field)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
