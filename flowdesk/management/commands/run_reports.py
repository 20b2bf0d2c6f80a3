"""`manage.py run_reports`: the reports of one business date, made due and run now."""

import json
from argparse import ArgumentTypeError
from datetime import date
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.close import queries as close
from apps.core import clock
from apps.instruments import queries as instruments
from apps.jobs import reports as jobs
from apps.reports.queries import runs


class Command(BaseCommand):
    help = (
        "Make the reports of a business date due, once, and run all that are not done yet; tell where their files are. "
        "Exit codes: 0 every report of the date is done, 1 at least one is not (its error is told) or the date is not over, 2 wrong use, "
        "3 no database."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--date", required=True, type=_day, help="business date, YYYY-MM-DD")
        parser.add_argument("--json", action="store_true", help="a JSON list instead of lines")

    def handle(self, *_args: Any, date: date, **options: Any) -> None:
        _require_over(date)
        jobs.run_date(date)
        found = list(runs.list_runs(date))
        if options["json"]:
            self.stdout.write(json.dumps([_describe(run) for run in found], indent=2))
        else:
            for run in found:
                self.stdout.write(
                    f"{run.status:8}{run.report:10} {run.scope:24} v{run.version} {run.number}{run.error and f'  {run.error}'}".rstrip()
                )
                for file in run.files:
                    self.stdout.write(f"        {settings.REPORTS_DIR / file['name']}")
        if any(run.status != "DONE" for run in found):
            raise SystemExit(1)


def _require_over(on: date) -> None:
    """A report is made once and statements are numbered: none of a day on which something may still happen, or before the first one.

    :raises CommandError: such a day
    """
    for entity in instruments.list_entities():
        running, first = entity.business_date(clock.desk_now()), close.find_first_day(entity.id)
        if on >= running:
            raise CommandError(f"--date {on.isoformat()}: not over, the running business date of {entity.code} is {running.isoformat()}")
        if first is not None and on < first:
            raise CommandError(f"--date {on.isoformat()}: the first business date of {entity.code} is {first.isoformat()}")


def _describe(run: Any) -> dict[str, Any]:
    return {
        "report": run.report,
        "scope": run.scope,
        "business_date": run.business_date.isoformat(),
        "version": run.version,
        "status": str(run.status),
        "number": run.number,
        "error": run.error,
        "files": [{**file, "path": str(settings.REPORTS_DIR / file["name"])} for file in run.files],
    }


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text}: not a date of the form YYYY-MM-DD") from None
