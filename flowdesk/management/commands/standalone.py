"""`manage.py standalone`: the whole platform on one machine, up until Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.core.cache import cache
from django.core.management import get_commands
from django.core.management.base import BaseCommand, CommandError

from flowdesk import processes, roles, supervisor
from flowdesk.celery import CANARY, CANARY_LIFE_S
from flowdesk.services import EnginesUnavailable, engines

READY_WITHIN_S = 60
_ORDER = {"web": (1, 30.0), "live": (2, 15.0), "feed": (2, 10.0), "beat": (2, 10.0), "worker": (3, 30.0), "sandbox": (1, 10.0)}


def _here() -> set[str]:
    """What runs in this environment: simulated people in a sandbox only."""
    return set(_ORDER) - ({"sandbox"} if settings.ENVIRONMENT != "sandbox" else set())


class Command(BaseCommand):
    help = (
        "Run the whole platform on this machine: embedded engines (or DATABASE_URL and VALKEY_URL), web, live, worker, beat and feed, "
        "under one supervisor with prefixed logs and restarts. Migrates first, and seeds the demo. Stops on Ctrl-C and SIGTERM. "
        "Exit codes: 0 stopped, 1 setting up failed, 2 a port is in use or it runs already, 3 an engine cannot be used."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--only", nargs="+", choices=sorted(_ORDER), default=sorted(_here()), help="run only these processes")
        parser.add_argument("--no-setup", action="store_true", help="neither migrate nor seed")

    def handle(self, *_: Any, only: list[str], no_setup: bool, **__: Any) -> None:
        try:
            settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
            lock = processes.open_lock(settings.VAR_DIR / "standalone.lock")
        except OSError as no:
            raise EnginesUnavailable("engines_not_started", f"VAR_DIR: {no.strerror}: {no.filename}") from no
        with lock:
            if not processes.try_lock(lock, exclusive=True):
                raise CommandError(f"the platform of {settings.VAR_DIR} is running already; stop that one first", returncode=2)
            killed = supervisor.kill_left_behind(settings.VAR_DIR)
            self._require_ports(only, patience_s=5 if killed else 0)
            with engines():
                if not no_setup:
                    self._set_up()
                self._keep_up(only)
        self.stdout.write("stopped")

    def _require_ports(self, only: list[str], *, patience_s: float) -> None:
        """A process that was just killed may hold its port for a moment longer."""
        end = time.monotonic() + patience_s
        for role, name, port in (("web", "WEB_PORT", settings.WEB_PORT), ("live", "LIVE_PORT", settings.LIVE_PORT)):
            while role in only:
                try:
                    supervisor.require_free_port(settings.BIND_HOST, port, name)
                    break
                except supervisor.PortInUse as no:
                    if time.monotonic() > end:
                        raise CommandError(str(no), returncode=2) from no
                    time.sleep(0.05)

    def _set_up(self) -> None:
        steps = [["migrate", "--no-input", "--verbosity", "0"]]
        if settings.ENVIRONMENT in {"demo", "sandbox"} and "seed_demo" in get_commands():
            steps.append(["seed_demo"])
        if settings.ENVIRONMENT == "sandbox":
            steps += [["create_api_key", *words, "--force"] for words in _sandbox_keys()]
        for step in steps:
            self.stdout.write(f"{step[0]} …")
            self.stdout.flush()
            role = "owner" if step[0] == "migrate" else "app"
            done = subprocess.run(
                [sys.executable, str(roles.ROOT / "manage.py"), *step],
                env={**os.environ, "FLOWDESK_DB_ROLE": role},
                stdin=subprocess.DEVNULL,
                preexec_fn=processes.dies_with_parent(signal.SIGTERM),
                check=False,
            )
            if done.returncode:
                raise CommandError(f"{step[0]} failed (exit {done.returncode})", returncode=1)

    def _keep_up(self, only: list[str]) -> None:
        keep = [
            supervisor.Role(name, roles.command(name), roles.environment(name), *_ORDER[name], _is_deaf if name == "worker" else None)
            for name in ("web", "live", "worker", "beat", "feed", "sandbox")
            if name in only
        ]
        if "beat" not in only:  # nobody sends the canary then
            keep = [supervisor.Role(r.name, r.command, r.environment, r.stop_rank, r.stop_timeout_s) for r in keep]
        watch = _Watch(self, only)
        guard = supervisor.Supervisor(keep, run=settings.VAR_DIR, on_tick=watch.tick, out=sys.stdout)
        watch.began = time.monotonic()
        guard.run()


# The sandbox's test clients: key file → member, scopes. Every start gives them new keys where there are none.
KEYS = {
    "acme": ("acme Trader", "read,quote,trade,webhook,report"),
    "borealis": ("borealis Trader", "read,quote,trade,webhook,report"),
    "cygnus": ("cygnus Trader", "read,quote,trade,webhook,report"),
    "cygnus-treasury": ("cygnus Treasury", "read,settle,withdraw"),
    "cygnus-controller": ("cygnus Controller", "read,settle,withdraw"),
}


def _key_file(name: str) -> Path:
    return Path(settings.VAR_DIR) / "keys" / f"{name}.json"


def _sandbox_keys() -> list[list[str]]:
    """The words of `create_api_key` for each file that is not there yet."""
    _key_file("").parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return [
        ["--client", name.partition("-")[0], "--member", member, "--scopes", scopes, "--out", str(_key_file(name))]
        for name, (member, scopes) in KEYS.items()
        if not _key_file(name).exists()
    ]


def _is_deaf(age_s: float) -> bool:
    """A worker that is up and consumes nothing any more."""
    if age_s < 2 * CANARY_LIFE_S:
        return False
    try:
        return cache.get(CANARY) is None
    except redis.RedisError:
        return False  # Valkey is away: not the worker's fault


class _Watch:
    """Says once that the platform is ready, or once why it is not."""

    def __init__(self, command: Command, only: list[str]) -> None:
        ports = {"web": settings.WEB_PORT, "live": settings.LIVE_PORT}
        self.waiting = {role: f"http://127.0.0.1:{port}" for role, port in ports.items() if role in only}
        self.urls = dict(self.waiting)
        self.command, self.began, self.next_look, self.said, self.complained = command, 0.0, 0.0, False, False

    def tick(self) -> None:
        now = time.monotonic()
        if self.said or now < self.next_look:
            return
        self.next_look = now + 0.5
        why = {}
        for role, url in list(self.waiting.items()):
            ready, reason = supervisor.answers_ready(f"{url}/readyz")
            if ready:
                del self.waiting[role]
            else:
                why[role] = reason
        if not self.waiting:
            self._banner()
        elif now - self.began > READY_WITHIN_S and not self.complained:
            self.complained = True
            for role, reason in why.items():
                self.command.stdout.write(f"{role} is not ready after {READY_WITHIN_S} s: {_short(reason)}")

    def _banner(self) -> None:
        self.said = True
        write = self.command.stdout.write
        write("")
        write("Flowdesk is ready.")
        if "web" in self.urls:
            write(f"  desk      {self.urls['web']}/desk/")
            write(f"  admin     {self.urls['web']}/admin/")
            write(f"  API       {self.urls['web']}/api/docs/")
        if "live" in self.urls:
            write(f"  live      {self.urls['live'].replace('http', 'ws')}/ws/")
        if settings.ENVIRONMENT == "demo":
            for username, password, what in getattr(settings, "DEMO_LOGINS", ()):
                write(f"  login     {username} / {password}  ({what})")
        if settings.ENVIRONMENT == "sandbox":
            for name in KEYS:
                write(f"  key       {_key_file(name)}  ({name.partition('-')[0]}'s {name.partition('-')[2] or 'trader'})")
        write("Ctrl-C stops everything.")
        self.command.stdout.flush()


def _short(reason: str) -> str:
    try:
        checks = json.loads(reason)["checks"]
    except (ValueError, KeyError, TypeError):
        return reason[:200]
    return "; ".join(f"{name}: {said}" for name, said in checks.items() if said != "ok")
