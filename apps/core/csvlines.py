"""How a file in a CSV of ours is read: its columns by name, and whatever cannot be read told with its line and field."""

import csv
import io
from collections.abc import Iterator, Sequence


class BadLine(ValueError):
    """It cannot be read: what is wrong with which field of which line; line 0 is the whole file."""

    def __init__(self, line: int, field: str, what: str) -> None:
        where = ", ".join([f"line {line}"] * bool(line) + [field] * bool(field))
        super().__init__(f"{where}: {what}" if where else what)
        self.line, self.field = line, field


def read(text: str, columns: Sequence[str], *, longest: int) -> Iterator[tuple[int, dict[str, str]]]:
    """Each line with its number, its cells by column, without the blanks around them; empty lines are none.

    :param columns: what the first line has to be
    :param longest: characters that a file may have
    :raises BadLine: as the file is read, so who takes all or nothing reads all first
    """
    if len(text) > longest:
        raise BadLine(0, "", f"longer than {longest} characters")
    if (nul := text.find("\0")) >= 0:
        raise BadLine(text.count("\n", 0, nul) + 1, "", "holds a NUL character")
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), skipinitialspace=True, strict=True)
    try:
        if tuple(next(rows, ())) != tuple(columns):
            raise BadLine(1, "", f"the columns are {','.join(columns)}")
        for row in rows:
            if not row:
                continue
            if len(row) != len(columns):
                raise BadLine(rows.line_num, "", f"{len(row)} columns, not {len(columns)}")
            yield rows.line_num, dict(zip(columns, (cell.strip() for cell in row), strict=True))
    except csv.Error as no:
        raise BadLine(rows.line_num, "", f"not CSV: {no}") from None
