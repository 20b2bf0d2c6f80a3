"""A sanctions or watch list as CSV: a name a line, as its publisher writes it."""

import re
from typing import NamedTuple

from apps.core import csvlines
from apps.core.csvlines import BadLine

COLUMNS = ("name", "country", "reference")
LONGEST = 64 * 1024 * 1024  # characters
_LENGTHS = {"name": 200, "country": 2, "reference": 60}
_COUNTRY = re.compile(r"([A-Z]{2})?", re.ASCII)


class Listed(NamedTuple):
    """A name; ISO 3166-1 alpha-2 of its country and the list's own reference, where the list has them."""

    name: str
    country: str
    reference: str


def read_list(text: str) -> list[Listed]:
    """All of a list, or nothing of it.

    :raises BadLine: the line and the field are named
    """
    found = [_listed(line, cells) for line, cells in csvlines.read(text, COLUMNS, longest=LONGEST)]
    if not found:
        raise BadLine(0, "", "no name is in it")
    return found


def _listed(line: int, cells: dict[str, str]) -> Listed:
    for field, most in _LENGTHS.items():
        if len(cells[field]) > most or not cells[field].isprintable():
            raise BadLine(line, field, f"up to {most} characters that can be printed")
    if not cells["name"]:
        raise BadLine(line, "name", "nobody is named")
    if not _COUNTRY.fullmatch(cells["country"]):
        raise BadLine(line, "country", "two capital letters, or nothing")
    return Listed(**cells)
