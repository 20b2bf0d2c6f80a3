"""`manage.py import_venue_movements VENUE FILE`: what a venue's record shows of our money that came there and left."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.settlement.rules.venues import LONGEST
from apps.workflows.pay_in_at_venues import import_venue_movements
from flowdesk.management import incoming


class Command(BaseCommand):
    help = (
        "Take in a venue's record of deposits, withdrawals and fees: a CSV with the columns reference, booked_at, asset, amount (what left "
        "negative), fee, key, transaction, takes_back. The same file again changes nothing. Exit 1 when it is refused; the message names "
        "the line."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("counterparty")
        parser.add_argument("file", type=Path)
        parser.add_argument("--entity", help="code of the booking entity whose money it is; needed where there are several")

    def handle(self, *, counterparty: str, file: Path, entity: str | None, **_options: Any) -> None:
        ours = incoming.find_entity(entity)
        with incoming.refusing(file):
            text = incoming.read_text(file, LONGEST)
            new = import_venue_movements(actor=None, entity_id=ours.id, counterparty=counterparty, text=text)
        self.stdout.write(f"{counterparty}: {new} movements new")
