"""Several long lists on one page, each shown in parts: what does not fit is a click away, never cut in silence."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.http import HttpRequest

T = TypeVar("T")
LAST = 10_000  # parts: beyond, somebody types numbers


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


def part_of(request: HttpRequest, name: str, ask: Callable[[int, int], Sequence[T]], *, size: int = 100) -> Part[T]:
    """One part of a list; which one is the number that the address has for `name`, from 1 on. Beyond the end it is the first again: a list
    that got shorter is not shown as an empty one.

    :param ask: the rows by limit and offset, always in the same order
    """
    wanted = request.GET.get(name, "")
    number = min(max(int(wanted), 1), LAST) if wanted.isascii() and wanted.isdigit() and len(wanted) < 7 else 1
    rows = ask(size + 1, (number - 1) * size)
    if not rows and number > 1:
        number, rows = 1, ask(size + 1, 0)
    first, following = number > 1, len(rows) > size
    return Part(rows[:size], number, _at(request, name, 0) if first else "", _at(request, name, number + 1) if following else "")


def _at(request: HttpRequest, name: str, number: int) -> str:
    query = request.GET.copy()
    query.pop(name, None)
    if number:
        query[name] = str(number)
    return f"?{query.urlencode()}"
