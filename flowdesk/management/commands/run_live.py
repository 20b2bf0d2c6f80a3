"""`manage.py run_live`: the live role, one process."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = (
        "Serve WebSockets under /ws/ (and /livez, /readyz) until SIGTERM or SIGINT, then close every socket with 1012, drain and exit. "
        "Exit codes: 0 drained, 1 the port cannot be used."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument("--port", type=int, default=settings.LIVE_PORT, help="port (default LIVE_PORT, %(default)s)")
        parser.add_argument("--drain-s", type=int, default=10, help="seconds to wait for open connections at the end (default 10)")

    def handle(self, *_args: Any, host: str, port: int, drain_s: int, **_options: Any) -> None:
        from apps.api.live.server import Live
        from flowdesk.asgi import application, hub

        if not 0 < port < 65536:
            raise CommandError(f"--port {port}: between 1 and 65535")
        endpoint = f"tcp:port={port}:interface={host.replace(':', chr(92) + ':')}:backlog=1024"
        live = Live(application, endpoints=[endpoint], drain_s=drain_s, on_start=hub.start, on_drain=hub.drain, is_busy=lambda: hub.is_busy)
        self.stdout.write(f"live: ws://{host}:{port}/ws/v1/")
        live.run()
        if live.failure:
            raise CommandError(f"--port {port}: {live.failure}")
        self.stdout.write("live: drained")
