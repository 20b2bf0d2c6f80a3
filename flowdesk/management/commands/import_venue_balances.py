"""`manage.py import_venue_balances LP DATE FILE`: what an LP or venue says we hold there."""

from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core.errors import AppError
from apps.instruments import queries as instruments
from apps.workflows.reconcile import import_venue_balances


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
        ours = [one for one in instruments.list_entities() if entity in {None, one.code}]
        if len(ours) != 1:
            known = ", ".join(one.code for one in instruments.list_entities())
            raise CommandError(f"--entity: one of {known}", returncode=2)
        try:
            text = file.read_text(encoding="utf-8")
            new = import_venue_balances(actor=None, entity_id=ours[0].id, counterparty=counterparty, on=date, text=text)
        except (OSError, UnicodeDecodeError) as no:
            raise CommandError(f"{file}: {no}") from no
        except AppError as no:
            raise CommandError(f"{file}: {no.code}: {no.detail}") from no
        self.stdout.write(f"{counterparty} {date.isoformat()}: {new} balances new or changed")
