"""`manage.py import_list NAME FILE`: names of a sanctions or watch list to screen against."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.compliance.rules.lists import LONGEST
from apps.workflows.load_list import import_list
from flowdesk.management import incoming


class Command(BaseCommand):
    help = (
        "Take in a sanctions or watch list: a CSV with the columns name, country, reference. All parties and members are screened again "
        "where it names somebody new; the same file again changes nothing. Exit 1 when it is refused; the message names the line."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("list", help="OFAC, EU, …")
        parser.add_argument("file", type=Path)

    def handle(self, *, file: Path, **options: Any) -> None:
        with incoming.refusing(file):
            count, new = import_list(list_name=options["list"], text=incoming.read_text(file, LONGEST))
        self.stdout.write(f"{options['list']}: {count} names, {new} of them new")
