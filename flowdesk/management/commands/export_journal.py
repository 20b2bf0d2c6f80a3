"""`manage.py export_journal`: the whole ledger as a journal for plain-text accounting."""

from argparse import ArgumentTypeError
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.core import db
from apps.reports.queries import journal
from apps.reports.rendering import files, hledger

FORMATS = ("hledger",)


class Command(BaseCommand):
    help = (
        "Write the whole ledger, in one read-only snapshot, as a journal with balance assertions that `hledger check` proves. "
        "Exit codes: 0 written, 1 the file cannot be written, 2 wrong use, 3 no database."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", default="hledger", help=f"one of: {', '.join(FORMATS)} (default hledger)")
        parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="the file; replaced only when the journal is whole")
        parser.add_argument("--until", type=_day, metavar="DATE", help="last business date (YYYY-MM-DD); default all")

    def handle(self, *_args: Any, out: Path, until: date | None, **options: Any) -> None:
        if options["format"] not in FORMATS:
            raise CommandError(f"--format {options['format']}: one of {', '.join(FORMATS)}", returncode=2)
        if out.is_dir():
            raise CommandError(f"--out {out}: is a directory", returncode=1)
        counts = {"transactions": 0, "postings": 0, "assertions": 0}
        try:
            with db.snapshot(), files.atomic(out) as sink:
                for line in _journal(until, counts):
                    sink.write(f"{line}\n".encode())
        except OSError as no:
            raise CommandError(f"--out {out}: {no.strerror or no}", returncode=1) from no
        said = ", ".join(f"{count} {what}" for what, count in counts.items())
        self.stdout.write(f"{out}: {said}")


def _journal(until: date | None, counts: dict[str, int]) -> Any:
    """The journal's lines; `counts` is kept while they are drawn."""

    def counted() -> Any:
        last = ""
        for posting in journal.list_postings(until):
            counts["transactions"] += posting.transaction != last
            counts["postings"] += 1
            counts["assertions"] += posting.balance is not None
            last = posting.transaction
            yield posting

    accounts = journal.list_accounts(until)
    counts["assertions"] += len(accounts)
    yield from hledger.lines(
        title=f"Flowdesk ledger{'' if until is None else f' until {until.isoformat()}'}",
        commodities=journal.list_commodities(),
        accounts=accounts,
        postings=counted(),
        last_day=journal.get_last_day(until) or until or date(1970, 1, 1),
    )
    for day, asset, value, currency in journal.list_prices(until):
        yield hledger.price(day, asset, value, currency)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text}: not a date of the form YYYY-MM-DD") from None
