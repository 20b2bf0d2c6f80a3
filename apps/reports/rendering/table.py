"""A document as data: facts, tables, notes. Layouts draw it; nothing here knows a format."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from apps.core import money

from .rows import Issuer


@dataclass(frozen=True, slots=True)
class Column:
    """`width` is a share of the page; numbers stand right."""

    title: str
    width: int
    right: bool = False


def columns(spec: str) -> list[Column]:
    """Columns written as `Title width`, apart by bars; `>` behind the width for numbers: "Deal 26 | Price 18>"."""
    found = []
    for part in spec.split(" | "):
        title, _, width = part.strip().rpartition(" ")
        found.append(Column(title, int(width.rstrip(">")), width.endswith(">")))
    return found


@dataclass(frozen=True, slots=True)
class Row:
    cells: Sequence[str]
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    empty: str = "None."


@dataclass(frozen=True, slots=True)
class Document:
    """:param facts: (label, value) pairs under the title; :param reference: stands in the footer, as a statement's number"""

    title: str
    issuer: Issuer
    reference: str
    generated: datetime
    facts: Sequence[tuple[str, str]]
    tables: Sequence[Table]
    notes: Sequence[str] = field(default_factory=tuple)
    landscape: bool = False
    sealed: str = ""  # block and head of the audit chain, in the footer of what clients get


def figure(value: Decimal | None, scale: int) -> str:
    """An amount for people: thousands apart, at the asset's decimals or more where the value has them."""
    if value is None:
        return ""
    plain = value.quantize(money.quantum(max(scale, money.scale_of(value))))
    return format(plain if plain else abs(plain), ",f")


def clock_time(moment: datetime) -> str:
    return moment.strftime("%H:%M:%S")


def moment_text(moment: datetime) -> str:
    return moment.strftime("%d %B %Y, %H:%M:%S UTC").lstrip("0")
