"""`manage.py asyncapi`: the AsyncAPI document of the socket, made of its message classes."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Print the AsyncAPI 3 document of the WebSocket, or write it to --file. Exit codes: 0 done, 1 the file cannot be written."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--file", type=Path, help="where to write it (committed: docs/asyncapi.yaml)")

    def handle(self, *_args: Any, file: Path | None, **_options: Any) -> None:
        from apps.api.live import asyncapi

        if file is None:
            self.stdout.write(asyncapi.text(), ending="")
            return
        try:
            file.write_text(asyncapi.text(), encoding="utf-8")
        except OSError as no:
            raise CommandError(f"--file {file}: {no.strerror}") from None
