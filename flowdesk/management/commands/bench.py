"""Benchmarks, each with its limit measured beside it in the same run, on engines of their own that are thrown away."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

NAMES = ("accept", "quote", "ledger", "netting", "fanout", "events", "growth")
LEAST_S, MOST_S = 1, 600
# Of the caller's engines nothing is kept: a running desk is never touched.
NOT_OURS = {"DATABASE_URL", "VALKEY_URL", "EMBED_DATABASE", "BROKER_URL", "BUS_PREFIX", "DB_POOL_MAX", "API_AUTHORITIES", "WEB_PORT"}


class Command(BaseCommand):
    help = "Measure NAME (or everything) beside its limit. All runs write bench/results.json. Exit 1 when a benchmark fails."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", nargs="?", choices=NAMES, help="one benchmark; without it all, and bench/results.json is written")
        parser.add_argument("--json", action="store_true", help="print a JSON list of rows instead of the table")
        parser.add_argument("--seconds", type=int, default=10, help="about how long each measurement lasts (default 10)")

    def handle(self, *args: Any, name: str | None, json: bool, seconds: int, **options: Any) -> None:
        if not LEAST_S <= seconds <= MOST_S:
            raise CommandError(f"--seconds {seconds}: a whole number from {LEAST_S} to {MOST_S}")
        from bench.rows import Row, as_json, as_table

        rows: list[Row] = []
        for one in [name] if name else NAMES:
            rows += [Row(**row) for row in run(one, seconds)]
        if name is None:
            (settings.BASE_DIR / "bench/results.json").write_text(as_json(rows) + "\n")
        self.stdout.write(as_json(rows) if json else as_table(rows))


def run(name: str, seconds: int) -> list[dict[str, Any]]:
    """One benchmark in a process of its own, with a fresh durable PostgreSQL and Valkey below VAR_DIR.

    :raises CommandError: it failed; what it said is on the standard error
    """
    settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
    var = Path(tempfile.mkdtemp(prefix="bench-", dir=settings.VAR_DIR))
    path = os.pathsep.join([str(settings.BASE_DIR), str(settings.BASE_DIR / "clients/python")])
    env = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
    env |= {"VAR_DIR": str(var), "EMBED_DURABLE": "1", "DEBUG": "1", "FLOWDESK_ENVIRONMENT": "demo", "PYTHONPATH": path}
    env |= {"FLOWDESK_PROCESS": "command", "FLOWDESK_DB_ROLE": "app", "DJANGO_SETTINGS_MODULE": "bench.settings"}
    words = [sys.executable, "-m", "bench", name, "--seconds", str(seconds), "--out", str(var / "rows.json")]
    try:
        done = subprocess.run(words, cwd=settings.BASE_DIR, env=env, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
        if done.returncode:
            raise CommandError(f"{name}: failed (exit {done.returncode})")
        rows: list[dict[str, Any]] = json.loads((var / "rows.json").read_text())
        return rows
    finally:
        _remove(var)


def _remove(var: Path) -> None:
    """The folder, and the data of PostgreSQL where it had to be kept elsewhere (flowdesk/postgres.py)."""
    pointer = var / "engines/postgres-is-kept-at"
    if pointer.exists():
        shutil.rmtree(pointer.read_text().strip(), ignore_errors=True)
    shutil.rmtree(var, ignore_errors=True)
