"""CSV (RFC 4180, UTF-8) a row at a time, safe to open in a spreadsheet."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)
_ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe(cell: str) -> str:
    """A cell that a spreadsheet would run as a formula is told as text; a plain number stays a number."""
    return f"'{cell}" if cell.startswith(_ACTIVE) and not _NUMBER.fullmatch(cell) else cell


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
