"""`manage.py import_fills FILE`: book the hedges of a file of fills, all or none."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.instruments import queries as instruments
from apps.pricing.feeds import bus
from apps.users import queries as users
from apps.workflows.import_fills import COLUMNS, LONGEST_FILE, import_fills
from flowdesk.management import incoming


class Command(BaseCommand):
    help = (
        "Book the fills of a CSV file as hedges: all of them, or none. Importing a file again books nothing twice. "
        f"Columns: {', '.join(COLUMNS)}. Exit 1 when the file is refused; the message names line and field."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--book", default="main", help="book the hedges belong to (default: main)")
        parser.add_argument("--by", default="", metavar="USERNAME", help="who imports it")

    def handle(self, *, file: Path, book: str, by: str, **_: Any) -> None:
        with incoming.refusing(file):
            text = incoming.read_text(file, LONGEST_FILE)
            made_by = users.get_by_username(by).id if by else None
            done = import_fills(text=text, book_code=book, made_by=made_by, mids=bus.read_all(p.code for p in instruments.list_pairs()))
        self.stdout.write(f"{file.name}: {done.booked} booked, {done.known} known before")
