"""A sanctions or watch list comes: whoever was screened before is screened once more where it names somebody new."""

from collections.abc import Sequence
from datetime import datetime

from apps.compliance import operations as compliance
from apps.compliance.errors import BadList
from apps.compliance.rules.lists import read_list
from apps.core.csvlines import BadLine
from apps.core.unit import use_case

LONGEST_NAME = 60  # of a list


@use_case
def load_list(*, list_name: str, entries: Sequence[tuple[str, str, str]], now: datetime) -> int:
    """Names to screen against: (name, country, reference); known ones stay as they are. Parties and members are screened once more.

    :return: how many were given
    """
    compliance.load_entries(list_name=list_name, entries=entries, now=now)
    return len(entries)


@use_case
def import_list(*, list_name: str, text: str, now: datetime) -> tuple[int, int]:
    """:func:`load_list` from a file, whole or nothing of it. Who stands on the list no longer is cleared by compliance, one by one.

    :param text: CSV with the columns name, country, reference
    :return: how many names it has, and how many are new
    :raises BadList: the line and the field are named
    """
    if not list_name.strip() or len(list_name) > LONGEST_NAME or not list_name.isprintable():
        raise BadList(f"the list's name: 1 to {LONGEST_NAME} characters that can be printed", line=0, field="list")
    try:
        found = read_list(text)
    except BadLine as no:
        raise BadList(str(no), line=no.line, field=no.field) from None
    return len(found), compliance.load_entries(list_name=list_name.strip(), entries=found, now=now)
