"""Between JSON and Python: decimals, times and models, never a float."""

import json
import secrets
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Generic, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints
from urllib.parse import quote

from .errors import NotUnderstood

T = TypeVar("T")
Rows: TypeAlias = list[T]
Number: TypeAlias = Decimal | int | str
"""An amount, size or price that you give: Decimal, int or a decimal string. A float is refused: it is not what you typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What the API answered: amounts are Decimal, times are aware datetimes. ``raw`` is the answer as it came.

    What a newer server adds is in ``raw`` only; what an answer leaves out is None.
    """

    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list. ``next_cursor`` is None on the last."""

    data: list[T]
    next_cursor: str | None = None

    def __iter__(self) -> Iterator[T]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)


# --- in -------------------------------------------------------------------------------------------------------------------
def decode(hint: Any, value: Any, where: str = "") -> Any:
    """A decoded JSON value as the type says.

    :raises NotUnderstood: it is of another kind than the API says; the message names the place
    """
    if hint is Any or value is None:
        return value
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        (one,) = [a for a in inside if a is not type(None)]
        return decode(one, value, where)
    try:
        if origin is Page:
            return Page([decode(inside[0], v, f"{where}/data/{n}") for n, v in enumerate(value["data"])], value.get("next_cursor"))
        if origin is list:
            rows = value["data"] if isinstance(value, dict) else value
            return [decode(inside[0], v, f"{where}/{n}") for n, v in enumerate(rows)]
        if origin is dict:
            return {k: decode(inside[1], v, f"{where}/{k}") for k, v in value.items()}
        if isinstance(hint, type) and issubclass(hint, Model):
            model: Any = hint
            given = {name: decode(t, value.get(key), f"{where}/{key}") for name, key, t in _members(model)}
            return model(**given, raw=value)
        if hint is Decimal:
            if not isinstance(value, str):
                raise TypeError("a decimal string is expected")
            return Decimal(value)
        if hint is datetime:
            return datetime.fromisoformat(value)
        if hint is date:
            return date.fromisoformat(value)
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as wrong:
        raise NotUnderstood(f"{where or 'the answer'}: {wrong!r}") from wrong
    return value


@cache
def _members(model: Any) -> tuple[tuple[str, str, Any], ...]:
    hints = get_type_hints(model)
    return tuple((f.name, f.metadata.get("wire", f.name), hints[f.name]) for f in fields(model) if f.name != "raw")


def loads(text: bytes | str) -> Any:
    """JSON without floats: a fraction that is a number becomes a Decimal."""
    return json.loads(text, parse_float=Decimal)


# --- out ------------------------------------------------------------------------------------------------------------------
def encode(value: Any, where: str = "") -> Any:
    """A value as JSON has it.

    :raises TypeError: a float, or a time without its zone
    """
    if isinstance(value, float):
        raise TypeError(f"{where or 'value'}: a float is not exact; give a Decimal or a decimal string")
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise TypeError(f"{where}: {value} is no amount")
        return format(value, "f")
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError(f"{where}: a time needs its zone")
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(k): encode(v, f"{where}/{k}") for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple | set | frozenset):
        return [encode(v, f"{where}/{n}") for n, v in enumerate(value)]
    return value


AMOUNTS = frozenset({"quantity", "quote_quantity", "price", "limit_price", "amount", "fee"})


def body_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """A request's members: None is left out; an amount given as an int becomes its decimal string."""
    out = dict(encode(given))
    return {k: str(v) if k in AMOUNTS and isinstance(v, int) and not isinstance(v, bool) else v for k, v in out.items()}


def made_up(prefix: str) -> str:
    """An id of the client's own, new each time."""
    return f"{prefix}-{secrets.token_hex(12)}"


def path_part(text: str) -> str:
    """One segment of a path. Ids need no escaping; what does is refused here, since the signature would not hold."""
    if not text or quote(text, safe="-._~") != text:
        raise ValueError(f"{text!r} cannot be an id: A-Z a-z 0-9 . _ ~ - only")
    return text
