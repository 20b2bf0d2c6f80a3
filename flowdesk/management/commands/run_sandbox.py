"""`manage.py run_sandbox`: the simulated people of a sandbox, until SIGTERM."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, close_old_connections
from redis import RedisError

from apps.core.errors import AppError
from flowdesk.sandbox.backoffice import BackOffice
from flowdesk.sandbox.trader import Trader

TICK_S, OPERATIONS_EVERY = 0.25, 8


class Command(BaseCommand):
    help = (
        "The people of a sandbox: a trader who prices requests, operations who release payments, and the clients' banks. They do what the "
        "testers' scenarios say (docs/sandbox.md). Only where FLOWDESK_ENVIRONMENT is sandbox. Exit codes: 0 stopped, 1 refused."
    )

    def handle(self, *_: Any, **__: Any) -> None:
        if settings.ENVIRONMENT != "sandbox":
            raise CommandError(f"run_sandbox: refused, FLOWDESK_ENVIRONMENT is {settings.ENVIRONMENT}")
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        try:
            trader, office = Trader(), BackOffice()
        except AppError as no:
            raise CommandError(f"run_sandbox: {no.detail}: run seed_demo first") from no
        self.stdout.write("sandbox: the desk is staffed")
        self.stdout.flush()
        ticks = 0
        while not stop.wait(TICK_S):
            try:
                trader.step()
                if ticks % OPERATIONS_EVERY == 0:
                    office.step()
            except (DatabaseError, RedisError, AppError) as lost:
                self.stderr.write(f"sandbox: {lost}; trying again")
            finally:
                close_old_connections()
            ticks += 1
        self.stdout.write("sandbox: stopped")
