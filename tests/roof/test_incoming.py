"""What a command that takes in a file says of one that it does not take."""

import re
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.trades import books

pytestmark = pytest.mark.django_db(transaction=True)

COMMANDS = [
    ("import_fills",),
    ("import_list", "OFAC"),
    ("import_lp_record", "venue", "2026-09-15"),
    ("import_statement",),
    ("import_venue_balances", "venue", "2026-09-15"),
    ("import_venue_movements", "venue"),
]


def refusal(*words: str) -> CommandError:
    with pytest.raises(CommandError) as no:
        call_command(*words)
    return no.value


def test_a_file_that_is_not_taken_is_named_with_what_is_wrong(tmp_path: Path) -> None:
    books.open_desk()
    latin, table = tmp_path / "latin.csv", tmp_path / "other.csv"
    latin.write_bytes(b"name\xe9\n")
    table.write_text("a,b\n1,2\n")
    for command in COMMANDS:
        for file, said in (
            (Path("/dev/zero"), "longer than|larger than|more than"),  # it has no end: so much of it is read, and no more
            (tmp_path / "missing.csv", "No such file"),
            (tmp_path, "Is a directory"),
            (latin, "utf-8|UTF-8"),
            (table, "line 1|columns|format"),
        ):
            no = refusal(*command, str(file))
            assert no.returncode == 1
            assert str(no).startswith(f"{file}: "), command
            assert re.search(said, str(no)), (command, str(no))


@pytest.mark.parametrize("command", COMMANDS[-2:])
def test_an_entity_that_is_none_of_ours_is_told_which_there_are(command: tuple[str, ...], tmp_path: Path) -> None:
    books.open_desk()
    no = refusal(*command, str(tmp_path / "any.csv"), "--entity", "nobody")
    assert (no.returncode, str(no)) == (2, "--entity: one of flowdesk")


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_venues_day_at_the_calendars_ends_is_told_with_its_line(at: str, tmp_path: Path) -> None:
    books.open_desk()
    file = tmp_path / "record.csv"
    file.write_text(f"reference,booked_at,asset,amount,fee,key,transaction,takes_back\nr1,{at},USD,1,0,,,\n")
    assert "line 2, booked_at: no venue booked anything in" in str(refusal("import_venue_movements", "venue", str(file)))
