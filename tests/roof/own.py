"""Engines and platforms of a test's own, in processes that the test may kill."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
USER = """
import sys
from django.conf import settings
from flowdesk.services import EnginesUnavailable, engines, rebuild
import psycopg, redis
held = []
def connect():
    place = settings.DATABASES["default"]
    return psycopg.connect(host=place["HOST"], user=place["USER"], dbname=place["NAME"], autocommit=True)
def answer(word):
    if word == "hold":
        held.append(connect())
    with connect() as session:
        session.execute("CREATE TABLE IF NOT EXISTS visits (n int)")
        session.execute("INSERT INTO visits VALUES (1)")
        count = session.execute("SELECT count(*) FROM visits").fetchone()[0]
    with redis.Redis.from_url(settings.VALKEY_URL) as valkey:
        return count, valkey.incr("visits")
with engines():
    for word in sys.stdin:
        if word.strip() == "leave":
            break
        if word.strip() == "rebuild":
            try:
                rebuild()
                print("rebuilt", flush=True)
            except EnginesUnavailable as no:
                print(no.code, flush=True)
            continue
        try:
            print(*answer(word.strip()), flush=True)
        except Exception as no:
            print("error", type(no).__name__, flush=True)
print("left", flush=True)
"""


def environment(var: Path, **more: str) -> dict[str, str]:
    """This shell's, without the engines of the running tests."""
    ours = ("DATABASE_URL", "EMBED_DURABLE", "VALKEY_URL", "EMBED_DATABASE", "FLOWDESK_TEST_DATABASE_URL", "PYTEST_PLUGINS")
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    return {**kept, "VAR_DIR": str(var), "DJANGO_SETTINGS_MODULE": "flowdesk.settings", "PYTHONPATH": str(ROOT), **more}


def start(words: list[str], env: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


@contextlib.contextmanager
def user(var: Path) -> "Iterator[subprocess.Popen[str]]":
    """A process that uses engines of its own; killed at the end if it still runs."""
    process = start(["-c", USER], environment(var))
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ask(process: "subprocess.Popen[str]", word: str = "answer") -> str:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{word}\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def leave(process: "subprocess.Popen[str]") -> None:
    assert ask(process, "leave") == "left"
    process.wait(timeout=60)


def running(var: Path) -> dict[int, str]:
    """What runs for this folder: pid → command line. A backend is known by its working folder."""
    found = {}
    homes = [str(var), *(line.strip() for line in _lines(var / "engines/postgres-is-kept-at"))]
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            environ = (entry / "environ").read_bytes().decode(errors="replace")
            cwd = str((entry / "cwd").readlink())
            ours = any(home in words or cwd.startswith(home) for home in homes) or f"FLOWDESK_RUN={var}\0" in environ
            if words and ours and int(entry.name) != os.getpid():
                found[int(entry.name)] = words.strip()
    return found


def pid_of(var: Path, part: str) -> int:
    """The one process of this folder whose command line contains `part`."""
    [pid] = [pid for pid, words in running(var).items() if part in words]
    return pid


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def soon(condition: Callable[[], object], within_s: float = 60) -> bool:
    """Whether it comes true in time."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
