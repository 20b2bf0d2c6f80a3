"""Long lists, each shown in parts: what does not fit is a click away, never cut in silence.

A part begins after a row, not at a number of rows: what comes or goes meanwhile makes no part repeat or leave out another row.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Generic, TypeVar

from django.core.signing import BadSignature, Signer
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

T = TypeVar("T")
M = TypeVar("M", bound=Model)
After = Sequence[str | int]  # by what a row stands where it stands, as SQL takes it


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """The rows of one part and its number; where the first part and the next one are, "" where this is the first or the last."""

    rows: Sequence[T]
    number: int
    first: str
    following: str

    def __iter__(self) -> Iterator[T]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def part_of(
    request: HttpRequest, name: str, ask: Callable[[int, After | None], Sequence[T]], key: Callable[[T], Sequence[Any]], *, size: int = 100
) -> Part[T]:
    """One part of a list; after which row is what the address has for `name`, as an earlier part gave it: anything else is the first part.
    Beyond the end it is the first again: a list that got shorter is not shown as an empty one.

    :param ask: at most so many rows after the row of this key, always in the same order
    :param key: by what a row stands where it stands: of no two rows alike, never None; of as many values however the list is filtered
    """
    signer = Signer(salt=f"part {request.path} {name}")
    number, after = _read(signer, request.GET.get(name, ""))
    rows = ask(size + 1, after)
    if not rows and after:
        number, after, rows = 1, None, ask(size + 1, None)
    following = ""
    if len(rows) > size:
        rows = rows[:size]
        told = [one if isinstance(one, int) else str(one) for one in key(rows[-1])]
        following = _at(request, name, signer.sign_object([number + 1, *told]))
    return Part(rows, number, _at(request, name, "") if after else "", following)


def part_of_rows(request: HttpRequest, name: str, rows: "QuerySet[M]", *, size: int = 100) -> Part[M]:
    """The same of a query.

    :param rows: ordered by fields that are never null, the last of them unique
    """
    order = [str(field) for field in rows.query.order_by]
    names = [field.lstrip("-") for field in order]

    def ask(limit: int, after: After | None) -> list[M]:
        return list((rows if after is None else rows.filter(_behind(order, after)))[:limit])

    return part_of(request, name, ask, lambda row: [attrgetter(field.replace("__", "."))(row) for field in names], size=size)


def _behind(order: Sequence[str], after: After) -> Q:
    """What comes after a row in this order."""
    (field, *more), (value, *rest) = order, after
    name = field.lstrip("-")
    behind = Q(**{f"{name}__lt" if field.startswith("-") else f"{name}__gt": value})
    return behind | Q(**{name: value}) & _behind(more, rest) if more else behind


def _read(signer: Signer, told: str) -> tuple[int, After | None]:
    try:
        number, *after = signer.unsign_object(told)
    except BadSignature:
        return 1, None
    return number, after


def _at(request: HttpRequest, name: str, place: str) -> str:
    query = request.GET.copy()
    query.pop(name, None)
    if place:
        query[name] = place
    return f"?{query.urlencode()}"
