"""`manage.py compliance_alerts`: the daily report of alerts, for compliance."""

import sys
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.compliance import queries
from apps.core import clock
from apps.reports.rendering import csvfile
from apps.reports.rendering.files import atomic

HEADER = ("raised_at", "rule", "client", "why", "status", "age_days", "owner", "ended_at", "outcome", "id")


class Command(BaseCommand):
    help = (
        "What was raised or ended on a day, and what is open at its end, as CSV: rule, client, why, age, owner, outcome. It is for "
        "compliance: keep it from sales and traders. Exit codes: 0 none is open, 1 some are."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--date", type=date.fromisoformat, help="UTC; by default today by the desk clock")
        parser.add_argument("--out", type=Path, help="a file, readable by its owner alone; by default standard output")

    def handle(self, *, date: date | None, out: Path | None, **_options: Any) -> None:
        today = clock.desk_now().date()
        on = date or today
        if on > today:
            raise CommandError(f"--date {on.isoformat()}: has not come")
        alerts = queries.list_alerts_of(on)
        rows = [_row(a) for a in alerts]
        if out is None:
            for line in csvfile.encode(HEADER, rows):
                self.stdout.write(line.decode(), ending="")
        else:
            with atomic(out, mode=0o600) as handle:
                handle.writelines(csvfile.encode(HEADER, rows))
        if any(a.ended_at is None for a in alerts):
            sys.exit(1)


def _row(a: Any) -> tuple[str, ...]:
    ended = "" if a.ended_at is None else a.ended_at.isoformat()
    age = (a.ended_at or clock.desk_now()) - a.raised_at
    return a.raised_at.isoformat(), a.rule, a.client_name, a.why, str(a.status), str(age.days), a.owner_name, ended, a.outcome, str(a.id)
