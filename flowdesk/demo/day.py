"""The demo from the empty database to the summary: set up, trade, settle, close, report, compare."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from apps.core import clock
from apps.pricing.feeds.composer import Composer
from apps.pricing.feeds.factory import first_business_date, make_feed

from . import plan, stage
from .trading import OPENS, TradingDay

# Without a file the day is always this one (a Tuesday), so that the same seed gives the same deals whenever it is run.
DEFAULT_DAY = date(2026, 9, 15)
CLIENTS = ("acme", "borealis", "cygnus")


@dataclass(frozen=True)
class Options:
    prices: Path | None
    seed: int
    folder: Path


class Teller:
    """Progress bars on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def say(self, line: str) -> None:
        self.console.print(line, highlight=False)

    @contextmanager
    def stage(self, title: str, total: int) -> Iterator[Any]:
        """A function that is called after each step."""
        began = time.monotonic()
        if self.console.is_terminal:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            with Progress(*columns, console=self.console) as progress:
                task = progress.add_task(title, total=total)
                yield lambda: progress.advance(task)
            return
        self.say(f"{title} …")
        yield lambda: None
        self.say(f"{title}: done in {time.monotonic() - began:.1f} s")


def run(options: Options, teller: Teller) -> dict[str, Any]:
    """Run the day in the engines that the caller holds, on an empty and migrated database.

    :return: the summary, as it is written to summary.json
    :raises DemoFailed: a promise was seen broken, or a process of the stage failed
    """
    day = first_business_date(options.prices) if options.prices is not None else DEFAULT_DAY
    clock.freeze_desk(datetime.combine(day, OPENS, UTC))
    composer = Composer(make_feed(options.prices, options.seed, day))
    with teller.stage("Setting up the desk", 1) as done:
        call_command("seed_demo", verbosity=0)
        keys = _keys(options.folder)
        done()
    with stage.platform(options.folder / "logs") as (web, live), stage.clients(web, live, keys) as clients:
        trading = TradingDay(day=day, composer=composer, clients=clients, folder=options.folder)
        asks = plan.draw(options.seed)
        trading.move(trading.now)
        with teller.stage("Trading", len(asks)) as done:
            for ask in asks:
                trading.tick(ask)
                done()
    return {"day": day.isoformat(), "seed": options.seed, "rfqs": dict(trading.tally.rfqs), "refused": dict(trading.tally.refused)}


def _keys(folder: Path) -> list[Path]:
    """A key file for each client's trader, and one for cygnus's second member, who approves withdrawals."""
    wanted = [(client, "", "read,quote,trade,withdraw") for client in CLIENTS] + [("cygnus", "second", "read,withdraw")]
    out = []
    for client, second, scopes in wanted:
        path = folder / "keys" / f"{client}{'-second' if second else ''}.json"
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        member = ("--member", f"{client} Treasury") if second else ()
        call_command("create_api_key", "--client", client, *member, "--scopes", scopes, "--out", str(path), "--force", verbosity=0)
        out.append(path)
    return out


def write(path: Path, summary: dict[str, Any]) -> None:
    """Whole or not at all."""
    fresh = path.with_suffix(".tmp")
    fresh.write_text(json.dumps(summary, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    fresh.replace(path)


__all__ = ["Options", "Teller", "run", "settings", "write"]
