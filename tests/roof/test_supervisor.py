"""The supervisor keeps processes up, ends them in order, and leaves nothing behind that the next start cannot end."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings

from apps.pricing.feeds import bus
from flowdesk import supervisor
from tests import world
from tests.ports import free_port
from tests.roof import own

SUPERVISE = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from flowdesk.supervisor import Role, Supervisor
run = Path(sys.argv[1])
roles = []
for rank, (name, code) in enumerate(zip(sys.argv[2::2], sys.argv[3::2])):
    roles.append(Role(name, [sys.executable, "-u", "-c", code], {}, rank, 3 if "SIG_IGN" in code else 60))
Supervisor(roles, run=run).run()
print("stopped", flush=True)
"""
GOOD = "import signal, sys, time\nsignal.signal(15, lambda *_: (print('bye'), sys.exit(0)))\nprint('up')\nwhile True: time.sleep(1)"
STUBBORN = "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('up')\nwhile True: time.sleep(1)"


@pytest.fixture(autouse=True)
def _nothing_stays(tmp_path: Path) -> Iterator[None]:
    """Also of a test that failed."""
    yield
    supervisor.kill_left_behind(tmp_path)
    for pid in own.running(tmp_path):
        own.kill(pid)


def supervise(run: Path, *roles: str) -> "subprocess.Popen[str]":
    return own.start(["-c", SUPERVISE, str(run), *roles], own.environment(run))


def lines_until(process: "subprocess.Popen[str]", *wanted: str) -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    while not all(any(want in line for line in lines) for want in wanted):
        line = process.stdout.readline()
        assert line, f"ended without {wanted}: {lines}"
        lines.append(line.rstrip("\n"))
    return lines


def test_children_end_in_order_and_logs_carry_their_names(tmp_path: Path) -> None:
    process = supervise(tmp_path, "first", GOOD, "second", GOOD)
    lines_until(process, "first  | up", "second | up")
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)  # as a group kill through make: no reason to hurry
    rest, _ = process.communicate(timeout=90)
    assert rest.splitlines() == ["first  | bye", "second | bye", "stopped"]
    assert process.returncode == 0


def test_ended_child_is_started_again_later_and_later(tmp_path: Path) -> None:
    process = supervise(tmp_path, "weak", "print('up'); raise SystemExit(7)")
    lines = lines_until(process, "ended (exit 7), again in 0.5 s", "ended (exit 7), again in 1 s")
    assert lines.count("weak | up") == 2
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=90)


def test_child_that_does_not_end_is_killed(tmp_path: Path) -> None:
    process = supervise(tmp_path, "stubborn", STUBBORN)
    lines_until(process, "stubborn | up")
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=90)
    assert "stubborn | did not end, killed" in rest
    assert own.running(tmp_path) == {}


def test_second_ctrl_c_kills_what_takes_its_time(tmp_path: Path) -> None:
    process = supervise(tmp_path, "stubborn", STUBBORN)
    lines_until(process, "stubborn | up")
    process.send_signal(signal.SIGINT)
    time.sleep(1.2)
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=90)
    assert "stubborn | did not end, killed" in rest


def test_killed_supervisor_takes_its_children_along_and_the_rest_is_found_by_the_next(tmp_path: Path) -> None:
    process = supervise(tmp_path, "good", GOOD, "stubborn", STUBBORN)
    lines_until(process, "good     | up", "stubborn | up")
    own.kill(process.pid)
    process.communicate()
    assert own.soon(lambda: len(own.running(tmp_path)) == 1), own.running(tmp_path)
    assert len(supervisor.kill_left_behind(tmp_path)) == 1
    assert own.soon(lambda: not own.running(tmp_path))


def test_grandchildren_of_a_killed_child_are_ended_before_its_restart(tmp_path: Path) -> None:
    parent = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-u', '-c', {STUBBORN!r}]).wait()"
    process = supervise(tmp_path, "parent", parent)
    lines_until(process, "parent | up")
    child = next(pid for pid in own.running(tmp_path) if _parent_of(pid) == process.pid)
    own.kill(child)
    lines_until(process, "ended (SIGKILL)", "parent | up")
    assert len(own.running(tmp_path)) == 3, "the supervisor, one parent, one child"
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=90)


def _parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


# --- the real roles, on the database of the tests ---------------------------------------------------------------------
@pytest.fixture
def platform(tmp_path: Path, transactional_db: None) -> dict[str, str]:
    place = settings.DATABASES["default"]
    url = os.environ.get("DATABASE_URL") or f"postgres://{place['USER']}@/{place['HOST']}/{place['NAME']}"
    bus.publish([world.depth(pair, at=datetime.now(UTC) + timedelta(hours=1)) for pair in world.PAIRS])  # no feed runs here
    ports = {"WEB_PORT": str(free_port()), "LIVE_PORT": str(free_port())}
    return own.environment(tmp_path, DATABASE_URL=url, VALKEY_URL=settings.VALKEY_URL, **ports)


def standalone(env: dict[str, str], *only: str) -> "subprocess.Popen[str]":
    return own.start(["manage.py", "standalone", "--no-setup", "--only", *only], env)


def test_platform_deals_when_it_says_ready_and_ends_on_sigterm(tmp_path: Path, platform: dict[str, str]) -> None:
    process = standalone(platform, "web")
    lines_until(process, "Flowdesk is ready.", f"http://127.0.0.1:{platform['WEB_PORT']}/desk/", "Ctrl-C")
    with urllib.request.urlopen(f"http://127.0.0.1:{platform['WEB_PORT']}/livez", timeout=30) as answer:
        assert answer.status == 200
    second = subprocess.run(
        [sys.executable, "manage.py", "standalone", "--only", "beat"],
        cwd=own.ROOT,
        env=platform,
        text=True,
        capture_output=True,
        check=False,
    )
    assert (second.returncode, "is running already" in second.stderr) == (2, True)
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=90)
    assert rest.splitlines()[-1] == "stopped"
    assert process.returncode == 0
    assert own.running(tmp_path) == {}


def test_platform_of_a_killed_supervisor_is_taken_over_on_the_same_port(tmp_path: Path, platform: dict[str, str]) -> None:
    process = standalone(platform, "web")
    lines_until(process, "Flowdesk is ready.")
    master = next(pid for pid in own.running(tmp_path) if _parent_of(pid) == process.pid)
    own.kill(process.pid)
    own.kill(master)  # its workers lose both parents and keep the port
    process.communicate()
    heir = standalone(platform, "web")
    lines_until(heir, "Flowdesk is ready.")
    heir.send_signal(signal.SIGTERM)
    heir.communicate(timeout=90)
    assert own.soon(lambda: not own.running(tmp_path)), own.running(tmp_path)


def test_worker_takes_a_task_over_the_brokers_socket(tmp_path: Path, platform: dict[str, str]) -> None:
    from django.core.cache import cache

    from flowdesk.celery import CANARY, canary

    canary.delay()
    assert cache.get(CANARY) is None
    process = standalone(platform, "worker")
    assert own.soon(lambda: cache.get(CANARY) == "alive", within_s=90)
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=90)
    assert rest.splitlines()[-1] == "stopped"
    assert own.running(tmp_path) == {}
