"""What somebody typed, in a file that somebody else opens: never a formula, never an action."""

import csv
import io
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.reports.rendering import csvfile, pdf, table
from apps.reports.rendering.rows import Issuer

SIGNS = set("=+-@\uff1d\uff0b\uff0d\uff20")  # what begins a formula, full width too


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@given(st.lists(st.lists(st.text(alphabet="=+-@;,\t\r\n\"' a1.\uff1d\uff0b\uff0d\uff20", max_size=8), min_size=2, max_size=3), max_size=3))
def test_no_text_is_a_formula_whatever_the_spreadsheet_takes_for_a_separator(separator: str, rows: list[list[str]]) -> None:
    text = b"".join(csvfile.encode(("a", "b"), rows)).decode()
    if separator == ",":
        for row in csv.reader(io.StringIO(text, newline="")):
            for cell in row:
                assert cell[:1] not in {*SIGNS, "\t", "\r", "\n"} or re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?", cell)
        return
    for line in text.replace("\r\n", "\n").split("\n"):  # read by one that knows no quotes: the worst there is
        for cell in line.split(separator):
            assert cell[:1] not in SIGNS or re.fullmatch(r"[+-]?[0-9]+(\.[0-9]+)?(,.*)?", cell), (line, cell)


def test_what_is_typed_draws_nothing_but_text_on_a_pdf() -> None:
    hostile = [
        "<script>alert(1)</script>",
        "{nb}",
        "a\x00b\x07",
        "\u202egnp.exe",
        "(evil) /JavaScript <</S /URI>>",
        "**bold** [x](http://evil)",
        "x" * 5000,
    ]
    columns = table.columns("One 10 | Two 10>")
    rows_ = [table.Row((one, one)) for one in hostile]
    facts = [(one, one) for one in hostile]
    issuer = Issuer(code="x", name="A (very) odd \\) name", lei="x", currency="USD")
    document = table.Document("T", issuer, "R", datetime(2026, 9, 15, tzinfo=UTC), facts, [table.Table("t", columns, rows_)], hostile)
    made = pdf.render(document)
    assert made.startswith(b"%PDF-") and made.rstrip().endswith(b"%%EOF")
    for active in (b"/JavaScript", b"/JS", b"/URI", b"/Launch", b"/OpenAction <<", b"/AA", b"/EmbeddedFile"):
        assert active not in made, active
