"""`manage.py demo`: one whole desk day, from price feed to evening reports, on engines of its own."""

import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console

from apps.core.errors import AppError
from apps.pricing.feeds import recording
from flowdesk import services
from flowdesk.demo import day, stage, summary
from flowdesk.demo.teller import Teller


class Command(BaseCommand):
    help = (
        "Run one desk day: clients ask by the real API, deals are quoted, accepted, hedged, settled, closed and reported; then compare "
        "and prove. The embedded database is rebuilt; with DATABASE_URL an empty one is needed. Exit codes: 0 done, 1 a promise was seen "
        "broken or the input is refused, 3 an engine cannot be used."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--prices", type=Path, help="recorded 1-minute bars or 25-level snapshots, CSV or .gz (default: simulated)")
        parser.add_argument("--seed", type=int, default=7, help="the same seed gives the same deals (default %(default)s)")

    def handle(self, *_args: Any, prices: Path | None, seed: int, **_options: Any) -> None:
        if settings.ENVIRONMENT != "demo":
            raise CommandError("demo: only where FLOWDESK_ENVIRONMENT is demo")
        folder = settings.VAR_DIR / "demo"
        teller = Teller(Console(soft_wrap=True))
        try:
            if prices is not None:
                recording.read(prices)  # what cannot be read is refused before anything is started or emptied
            with services.engines():
                self._empty_database()
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                told = day.run(summary.Options(prices=prices, seed=seed, folder=folder), teller)
                day.write(folder / "summary.json", told)
        except (AppError, stage.DemoFailed) as no:
            raise CommandError(f"demo: {no}") from no
        summary.show(teller, told, folder / "summary.json")

    def _empty_database(self) -> None:
        if settings.EMBED_POSTGRES and settings.EMBED_VALKEY:
            services.rebuild()
        stage.manage("migrate", "--no-input", "--verbosity", "0")
        if not settings.EMBED_POSTGRES:
            from apps.rfqs import queries

            if queries.any_rfq():
                raise CommandError("demo: the database of DATABASE_URL is not empty; the demo never overwrites a desk")
