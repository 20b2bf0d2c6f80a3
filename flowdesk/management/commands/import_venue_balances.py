"""`manage.py import_venue_balances LP DATE FILE`: what an LP or venue says we hold there."""

from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core.errors import AppError
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

    def handle(self, *, counterparty: str, date: date, file: Path, **_options: Any) -> None:
        try:
            text = file.read_text(encoding="utf-8")
            new = import_venue_balances(actor=None, counterparty=counterparty, on=date, text=text)
        except (OSError, UnicodeDecodeError) as no:
            raise CommandError(f"{file}: {no}") from no
        except AppError as no:
            raise CommandError(f"{file}: {no.code}: {no.detail}") from no
        self.stdout.write(f"{counterparty} {date.isoformat()}: {new} balances new or changed")
