"""`manage.py import_statement FILE`: take in a bank's statement file, whole or not at all."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.settlement.rails.files import FORMATS
from apps.settlement.rules.statement_file import LONGEST
from apps.users import queries as users
from apps.workflows.import_statement import import_statement
from flowdesk.management import incoming


class Command(BaseCommand):
    help = (
        "Take in a statement file of a bank: camt.053 or camt.054 (ISO 20022), MT940 or our own CSV; all of it, or nothing. The same "
        "statement again books nothing twice. Exit 1 when the file is refused; the message names the line."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--format", choices=FORMATS, default="", help="by default told from how the file begins")
        parser.add_argument("--by", default="", metavar="USERNAME", help="who imports it (role operations)")

    def handle(self, *, file: Path, by: str, **options: Any) -> None:
        with incoming.refusing(file):
            with file.open("rb") as source:
                content = source.read(LONGEST + 1)  # one more: too long is told, a file without end is not read
            actor = users.get_by_username(by).as_actor() if by else None
            done = import_statement(content=content, form=options["format"], actor=actor)
        for one in done:
            number = "" if one.number is None else f" no. {one.number}"
            self.stdout.write(f"{one.account}{number}: {one.lines} lines, {one.new} new")
