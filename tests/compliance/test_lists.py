"""A sanctions list comes as a file: all of it or nothing, the same again changes nothing, and who is on it is found."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.compliance.errors import BadList
from apps.compliance.models import ListEntry, ListLoad
from apps.compliance.operations.screening import list_based
from apps.workflows.load_list import import_list

pytestmark = pytest.mark.django_db(transaction=True)
HEAD = "name,country,reference\n"
GOOD = '\ufeffname,country,reference\n"Able, Ann",US,17\n\nИван Иванов,,\n"Able, Ann",GB,18\n'


def test_a_file_is_taken_in_once_and_its_names_are_found(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text(GOOD, encoding="utf-8")
    out = StringIO()
    call_command("import_list", "OFAC", str(file), stdout=out)
    call_command("import_list", "OFAC", str(file), stdout=out)
    assert out.getvalue().splitlines() == ["OFAC: 3 names, 2 of them new", "OFAC: 3 names, 0 of them new"]
    assert set(ListEntry.objects.values_list("list_name", "name", "country", "reference")) == {
        ("OFAC", "Able, Ann", "US", "17"),
        ("OFAC", "Иван Иванов", "", ""),
    }
    assert ListLoad.objects.count() == 1, "the same again makes nobody due"
    assert list_based("Ann Able") == ["Able, Ann"]


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        ("", 1, ""),
        ("name;country\n", 1, ""),
        (HEAD, 0, ""),
        (HEAD + "Ann Able,US\n", 2, ""),
        (HEAD + "Ann Able,US,1\n ,US,2\n", 3, "name"),
        (HEAD + "x" * 201 + ",US,1\n", 2, "name"),
        (HEAD + "Ann\x07Able,US,1\n", 2, "name"),
        (HEAD + "Ann\x00Able,US,1\n", 2, ""),
        (HEAD + "Ann Able,us,1\n", 2, "country"),
        (HEAD + "Ann Able,USA,1\n", 2, "country"),
        (HEAD + "Ann Able,US," + "1" * 61 + "\n", 2, "reference"),
        (HEAD + '"Ann Able,US,1\n', 2, ""),
    ],
)
def test_nothing_of_a_bad_file_is_taken_and_its_line_is_named(text: str, line: int, field: str) -> None:
    with pytest.raises(BadList) as no:
        import_list(list_name="OFAC", text=text)
    assert (no.value.extra["line"], no.value.extra["field"]) == (line, field)
    assert not ListEntry.objects.exists()


def test_what_is_no_list_or_no_name_of_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes(b"\xff\xfe")
    for name, at in (("OFAC", file), ("OFAC", tmp_path / "none.csv"), (" ", file), ("x" * 61, file)):
        with pytest.raises(CommandError, match=r"list\.csv|none\.csv"):
            call_command("import_list", name, str(at))
    with pytest.raises(BadList, match="the list's name"):
        import_list(list_name="\n", text=GOOD)
