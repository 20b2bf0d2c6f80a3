"""`manage.py desk_clock`: look at the desk's clock, or move it forward (demo and sandbox)."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core import clock
from apps.core.errors import AppError


class Command(BaseCommand):
    help = (
        "Show the desk's time, stand it still at a moment, or let it run with the wall again. After its first setting it only moves "
        "forward; production refuses it. Exit codes: 0 done, 1 refused, 2 wrong use."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="show | freeze AT | release")
        acts.add_parser("show", help="print the desk's time")
        acts.add_parser("freeze", help="stand it still").add_argument("at", help="a moment with its zone, as in 2026-09-15T12:00:00Z")
        acts.add_parser("release", help="let it run with the wall clock")

    def handle(self, *_args: Any, act: str, at: str = "", **_options: Any) -> None:
        try:
            if act == "freeze":
                clock.freeze_desk(_moment(at))
            elif act == "release":
                clock.release_desk()
        except AppError as no:
            raise CommandError(f"{no.code}: {no.detail}") from no
        self.stdout.write(clock.desk_now().astimezone(UTC).isoformat())


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise CommandError(f"freeze {text!r}: not a moment with its zone, as in 2026-09-15T12:00:00Z", returncode=2)
    return moment
