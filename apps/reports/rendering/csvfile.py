"""CSV (RFC 4180, UTF-8) a row at a time, safe to open in a spreadsheet."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)
_SIGNS = "=+@\uff1d\uff0b\uff0d\uff20-"  # some spreadsheets read the full-width ones as the plain ones
_ACTIVE = (*_SIGNS, "\t", "\r", "\n")
_AFTER_A_SEPARATOR = re.compile(rf"([;\t\r\n])(?=[{_SIGNS}])")  # where the comma is no separator, one of these begins a cell


def safe(cell: str) -> str:
    """A cell that a spreadsheet would run as a formula is told as text; a plain number stays a number."""
    if _NUMBER.fullmatch(cell):
        return cell
    return ("'" if cell.startswith(_ACTIVE) else "") + _AFTER_A_SEPARATOR.sub(r"\1'", cell)


def encode(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """The file's lines, one row in memory at a time."""
    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\r\n")
    writer.writerow(header)
    yield line.getvalue().encode()
    for row in rows:
        line.seek(0)
        line.truncate()
        writer.writerow([safe(cell) for cell in row])
        yield line.getvalue().encode()
