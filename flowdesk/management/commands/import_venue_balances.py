"""`manage.py import_venue_balances LP DATE FILE`: what an LP or venue says we hold there."""

from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.workflows.reconcile import LONGEST_RECORD, import_venue_balances
from flowdesk.management import incoming


class Command(BaseCommand):
    help = (
        "Take in what an LP or venue says we hold there at the end of a business date: a CSV with the columns asset, amount (what we owe "
        "it negative). The same file again changes nothing. Exit 1 when it is refused; the message names the line."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("counterparty")
        parser.add_argument("date", type=date.fromisoformat)
        parser.add_argument("file", type=Path)
        parser.add_argument("--entity", help="code of the booking entity whose balances they are; needed where there are several")

    def handle(self, *, counterparty: str, date: date, file: Path, entity: str | None, **_options: Any) -> None:
        ours = incoming.find_entity(entity)
        with incoming.refusing(file):
            text = incoming.read_text(file, LONGEST_RECORD)
            new = import_venue_balances(actor=None, entity_id=ours.id, counterparty=counterparty, on=date, text=text)
        self.stdout.write(f"{counterparty} {date.isoformat()}: {new} balances new or changed")
