"""Files in our own CSV: cells by column, and every line that cannot be read named."""

import pytest

from apps.core.csvlines import BadLine, read

COLUMNS = ("name", "amount")


def test_cells_come_by_column_with_the_number_of_their_line() -> None:
    text = '\ufeffname,amount\r\n a , 1\r\n\r\n"b\nc",2\n'
    assert list(read(text, COLUMNS, longest=100)) == [(2, {"name": "a", "amount": "1"}), (5, {"name": "b\nc", "amount": "2"})]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", 1, "line 1: the columns are name,amount"),
        ("amount,name\n", 1, "line 1: the columns are name,amount"),
        ("name,amount\na\n", 2, "line 2: 1 columns, not 2"),
        ("name,amount\na,1\nb,2,3\n", 3, "line 3: 3 columns, not 2"),
        ('name,amount\n"a,1\n', 2, "line 2: not CSV: unexpected end of data"),
        ("name,amount\na,1\nb\0,2\n", 3, "line 3: holds a NUL character"),
        ("name,amount\n" + "a,1\n" * 30, 0, "longer than 100 characters"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(BadLine) as no:
        list(read(text, COLUMNS, longest=100))
    assert (no.value.line, no.value.field, str(no.value)) == (line, "", says)


def test_a_field_is_named_behind_its_line() -> None:
    assert str(BadLine(7, "amount", "no number")) == "line 7, amount: no number"
