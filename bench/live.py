"""The live role as the supervisor starts it, on a free port of loopback."""

import contextlib
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from flowdesk import roles

PATH, STARTS_S = "/ws/v1/", 60


@contextlib.contextmanager
def live_role() -> Iterator[tuple[int, int]]:
    """Its port and process id, once it is ready; stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    env = {**os.environ, **roles.environment("live"), "LIVE_PORT": str(port), "API_AUTHORITIES": f"127.0.0.1:{port}"}
    process = subprocess.Popen(roles.command("live"), cwd=roles.ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + STARTS_S
        while not _ready(port):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the live role did not start")
            time.sleep(0.05)
        yield port, process.pid
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(30)


def rss_mb(pid: int) -> int:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) // 1024


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
