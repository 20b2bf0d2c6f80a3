"""`manage.py import_lp_record LP DATE FILE`: put an LP's own record of a business date beside our hedges."""

from argparse import ArgumentTypeError
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from apps.users import queries as users
from apps.workflows.hedge_breaks import describe, import_lp_record
from apps.workflows.import_fills import COLUMNS, LONGEST_FILE
from flowdesk.management import incoming


class Command(BaseCommand):
    help = (
        "Take in what an LP or venue says was executed with us on a business date, and compare each hedge of that date with it: equal ones "
        "are confirmed, others are breaks. The same file again changes nothing. "
        f"Columns: {', '.join(COLUMNS)}; sides are ours. Exit 1 when the file is refused; the message names line and field."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("counterparty", help="code of the LP or venue")
        parser.add_argument("date", type=_day, help="business date that the record covers, as 2026-09-15")
        parser.add_argument("file", type=Path)
        parser.add_argument("--by", default="", metavar="USERNAME", help="who of operations imports it")

    def handle(self, *, counterparty: str, date: date, file: Path, by: str, **_: Any) -> None:
        with incoming.refusing(file):
            text = incoming.read_text(file, LONGEST_FILE)
            actor = users.get_by_username(by).as_actor() if by else None
            done = import_lp_record(actor=actor, counterparty=counterparty, on=date, text=text)
        self.stdout.write(f"{file.name}: {describe(done)}")
        for hedge in done.broken:
            told = "; ".join(f"{d['field']}: ours {d['ours']}, theirs {d['theirs']}" for d in hedge.differences)
            self.stdout.write(f"break {hedge.trade.execution_id}: {told}")
        for fill in done.unknown:
            self.stdout.write(f"unknown {fill.execution_id}: line {fill.line}, {fill.side} {fill.quantity.normalize():f} {fill.pair_code}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text}: a date as 2026-09-15") from None
