"""What the commands that take in a file have in common: reading it, whose it is, and saying what is wrong with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.management.base import CommandError

from apps.core.errors import AppError
from apps.instruments import queries as instruments
from apps.instruments.models import BookingEntity


def read_text(file: Path, longest: int) -> str:
    """A file in UTF-8, and of a longer one a character more than it may have: who reads it says so, and a file without end is not read."""
    with file.open(encoding="utf-8") as source:
        return source.read(longest + 1)


@contextmanager
def refusing(file: Path) -> Iterator[None]:
    """
    :raises CommandError: the file cannot be read, or what is in it was refused
    """
    try:
        yield
    except (OSError, UnicodeDecodeError) as no:
        raise CommandError(f"{file}: {no}") from no
    except AppError as no:
        raise CommandError(f"{file}: {no.code}: {no.detail}") from no


def find_entity(code: str | None) -> BookingEntity:
    """The booking entity of this code; where there is one alone it need not be named.

    :raises CommandError: which there are
    """
    known = instruments.list_entities()
    ours = [one for one in known if code in {None, one.code}]
    if len(ours) != 1:
        raise CommandError(f"--entity: one of {', '.join(one.code for one in known)}", returncode=2)
    return ours[0]
