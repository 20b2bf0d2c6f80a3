"""All that is due, a page at a time: what fails, or stays due by its nature, never keeps what is behind it waiting."""

from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def each_once(list_page: Callable[[Collection[K]], Sequence[K]]) -> Iterator[K]:
    """Every row that is due now, each once in this run, in the order of the list.

    :param list_page: the next page of what is due, but for rows that this run has had; short or empty at the end
    """
    had: set[K] = set()
    longest = 0
    while page := [one for one in list_page(had) if one not in had]:
        yield from page
        had.update(page)
        if len(page) < longest:
            return
        longest = len(page)
