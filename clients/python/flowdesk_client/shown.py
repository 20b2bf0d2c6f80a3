"""What the command line prints: a table for people, or JSON as it was answered, one thing a line."""

import itertools
import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from .live import Frame
from .models import Rfq
from .wire import Model

RFQ = ("id", "status", "instrument", "side", "quantity", "quote_quantity", "received_at", "reason")
TRADE = ("id", "booked_at", "instrument", "side", "quantity", "price", "client_pays", "client_receives", "value_date", "settlement_status")
BALANCE = ("account", "asset", "balance", "available", "held", "receivable", "payable")
INSTRUMENT = ("id", "min_quantity", "max_quantity", "step", "tick", "default_tenor")
EVENT = ("seq", "ts", "type", "data")


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, Mapping):
        return f"{value['amount']} {value['asset']}" if set(value) == {"amount", "asset"} else str(value.get("id", ""))
    return str(value)


def plain(answer: Any, as_json: bool) -> None:
    """An answer as it came; a file's bytes as they are."""
    if isinstance(answer, bytes):
        sys.stdout.buffer.write(answer)
        sys.stdout.buffer.flush()
        return
    if as_json or not isinstance(answer, dict):
        _line(json.dumps(answer, ensure_ascii=False, default=str))
        return
    width = max((len(name) for name in answer), default=0)
    for name, value in answer.items():
        nested = isinstance(value, list) or (isinstance(value, dict) and set(value) != {"amount", "asset"})
        _line(f"{name:<{width}}  {json.dumps(value, ensure_ascii=False) if nested else _cell(value)}")


def one(model: Model, as_json: bool) -> None:
    plain(dict(model.raw), as_json)


def quote(rfq: Rfq, as_json: bool) -> None:
    """The price of a request, side by side."""
    if as_json or rfq.quote is None:
        one(rfq, as_json)
        return
    for side, given in (("buy", rfq.quote.buy), ("sell", rfq.quote.sell)):
        if given is not None:
            amounts = f"pay {given.client_pays:f}, receive {given.client_receives:f}"
            _line(f"you {side} {given.quantity:f} {rfq.instrument} at {given.price:f}: {amounts}")
    _line(f"{rfq.quote.id} stands until {rfq.quote.raw['expires_at']}; value date {rfq.quote.value_date}")


def rows(models: Iterable[Model], as_json: bool, columns: tuple[str, ...], limit: int | None = None) -> None:
    """A table: as wide as it needs to be, `-` for what is not there; columns that this answer does not have are left out."""
    found = (dict(model.raw) for model in itertools.islice(models, limit))
    if as_json:
        for row in found:
            _line(json.dumps(row, ensure_ascii=False, default=str))
        return
    table = list(found)
    columns = tuple(name for name in columns if any(name in row for row in table)) or columns
    cells = [columns, *[tuple(_cell(row.get(name)) for name in columns) for row in table]]
    widths = [max(len(row[n]) for row in cells) for n in range(len(columns))]
    for line in cells:
        _line("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def frame(given: Frame, as_json: bool) -> None:
    """One thing of a stream."""
    if as_json:
        _line(
            json.dumps({name: getattr(given, name) for name in ("ch", "seq", "ts", "type", "id", "data")}, ensure_ascii=False, default=str)
        )
    else:
        _line(f"{given.seq:>6}  {given.ts}  {given.type:<24}  {given.data.get('id', '')}")
