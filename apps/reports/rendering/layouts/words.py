"""How references, moments and dates are written."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from apps.core import money

Scales = Mapping[str, int]  # decimals by asset


def short(reference: str) -> str:
    """A wire id as people read it: its kind and its last eight characters, which are random."""
    head, _, tail = reference.partition("_")
    return f"{head} {tail[-8:]}" if tail else reference


def stamp(moment: datetime | None) -> str:
    return "" if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def sealed(number: int | None, head: str) -> str:
    """Where the audit chain stood when a document was made."""
    return "" if number is None else f"Audit chain: block {number}, head {head}"


def plain(value: Decimal | None) -> str:
    return "" if value is None else money.text(value)


def long_date(on: date) -> str:
    return on.strftime("%d %B %Y").lstrip("0")


def yours(direction: str) -> str:
    """Our direction in the client's words."""
    return "you receive" if direction == "PAY" else "you pay"
