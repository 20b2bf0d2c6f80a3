"""The web role as the supervisor starts it, on a free port of loopback, with the benches' bare view beside the product's addresses."""

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator

from flowdesk import roles

STARTS_S = 60


@contextlib.contextmanager
def web_role(**environment: str) -> Iterator[tuple[int, int]]:
    """Its port and process id, once it answers; stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    env = {**os.environ, **roles.environment("web"), "DJANGO_SETTINGS_MODULE": "bench.settings", "WEB_PORT": str(port), **environment}
    words = roles.command("web")
    words[words.index("--port") + 1] = str(port)
    process = subprocess.Popen(words, cwd=roles.ROOT, env=env, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        end = time.monotonic() + STARTS_S
        while not _alive(port):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the web role did not start")
            time.sleep(0.05)
        yield port, process.pid
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


def _alive(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
