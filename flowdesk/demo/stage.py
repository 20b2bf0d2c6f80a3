"""The processes of the demo: the platform's own web and live roles on free ports, and the clients' process."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings

from flowdesk import roles
from flowdesk.processes import dies_with_parent

READY_S = 60


class DemoFailed(Exception):
    """The day could not go on; the message is for the operator."""


class ClientProcess:
    """Commands to the clients' process, one at a time."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def call(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """
        :raises DemoFailed: the process ended, or found what must not be
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"verb": verb, **arguments}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise DemoFailed(f"the clients' process ended at {verb}")
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            raise DemoFailed(f"the clients' process: {answer['failed']}")
        return answer


@contextmanager
def platform(logs: Path) -> Iterator[tuple[str, str]]:
    """Web and live, ready; gives their addresses and stops both at the end."""
    web_port, live_port = _free_ports(2)
    addresses = {"WEB_PORT": str(web_port), "LIVE_PORT": str(live_port)}
    logs.mkdir(parents=True, exist_ok=True)
    started: list[subprocess.Popen[bytes]] = []
    try:
        for role, port in (("web", web_port), ("live", live_port)):
            with (logs / f"{role}.log").open("wb") as log:
                started.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "flowdesk.roles", role],
                        cwd=settings.BASE_DIR,
                        env=os.environ | addresses | roles.environment(role),
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        preexec_fn=dies_with_parent(signal.SIGTERM),  # noqa: PLW1509 (no thread of ours runs yet)
                    )
                )
            _wait_ready(f"http://127.0.0.1:{port}/livez", started[-1], logs / f"{role}.log")
        yield f"http://127.0.0.1:{web_port}", f"ws://127.0.0.1:{live_port}"
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


@contextmanager
def clients(web_url: str, live_url: str, keys: list[Path]) -> Iterator[ClientProcess]:
    """The clients' process with its keys; it sees the platform by HTTP and WebSocket alone."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("client.py")), web_url, live_url, *map(str, keys)],
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(settings.BASE_DIR / "clients" / "python")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=dies_with_parent(signal.SIGTERM),  # noqa: PLW1509 (no thread of ours runs yet)
    )
    try:
        yield ClientProcess(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        if process.stdout is not None:
            process.stdout.close()


def manage(*arguments: str) -> str:
    """Run one management command as its own process, as its own role (`migrate` is the owner's); what it printed.

    :raises DemoFailed: it failed; with its last lines
    """
    done = subprocess.run(
        [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments],
        cwd=settings.BASE_DIR,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise DemoFailed(f"manage.py {arguments[0]}: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _wait_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 (our own address)
                return
        except OSError:
            time.sleep(0.05)
    raise DemoFailed(f"{url} did not answer: {log.read_text(errors='replace')[-1000:]}")
