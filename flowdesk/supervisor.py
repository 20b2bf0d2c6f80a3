"""Keeps the platform's processes up under one roof: prefixed logs, restarts with backoff, an ordered end. One thread, no polling of logs.

Children are sessions of their own (Ctrl-C reaches only the supervisor, which ends them in order) and get SIGTERM from the kernel when the
supervisor dies, however. What survives even that carries FLOWDESK_RUN in its environment, by which the next start finds and kills it.
"""

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from flowdesk import processes

MARK = "FLOWDESK_RUN"
FIRST_PAUSE_S, LONGEST_PAUSE_S, STEADY_AFTER_S = 0.5, 30.0, 60.0
_COLOURS = {"web": 36, "live": 35, "worker": 33, "beat": 34, "feed": 32}


class PortInUse(Exception):
    """Something already listens where a server of ours should; the message is one line for the operator."""


@dataclass(frozen=True)
class Role:
    """One process to keep up."""

    name: str
    command: list[str]
    environment: dict[str, str]
    stop_rank: int  # lower ranks are stopped, and have ended, before higher ones
    stop_timeout_s: float
    is_sick: Callable[[float], bool] | None = None  # asked with its age in seconds; True: restart it


@dataclass
class Child:
    role: Role
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    again_at: float = 0.0
    rest: bytes = b""
    told_to_stop: bool = field(default=False)


class Supervisor:
    """`run()` returns when asked to stop by SIGINT or SIGTERM and everything has ended."""

    def __init__(self, roles: list[Role], *, run: Path, on_tick: Callable[[], None] = lambda: None, out: IO[str] | None = None) -> None:
        self.children = [Child(role) for role in roles]
        self.run_mark = str(run)
        self.on_tick = on_tick
        self.out = out or sys.stdout
        self.signalled_at = 0.0  # when the first signal to stop came
        self.impatient = False
        self.selector = selectors.DefaultSelector()
        self.coloured = self.out.isatty() and "NO_COLOR" not in os.environ
        self.width = max((len(role.name) for role in roles), default=0)

    def run(self) -> None:
        wake, waker = socket.socketpair()
        wake.setblocking(False)
        waker.setblocking(False)
        self.selector.register(wake, selectors.EVENT_READ, None)
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        waking_before = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        try:
            while not self.signalled_at:
                self._revive()
                self._pump(wake, 0.25)
                self._collect()
                if not self.signalled_at:
                    self.on_tick()
        finally:
            self._stop_all(wake)
            signal.set_wakeup_fd(waking_before)
            for number, handler in before.items():
                signal.signal(number, handler)
            self.selector.close()
            wake.close()
            waker.close()

    def say(self, name: str, line: str) -> None:
        """One line of log under a name."""
        prefix = f"{name:<{self.width}} |"
        if self.coloured:
            prefix = f"\x1b[{_COLOURS.get(name, 37)}m{prefix}\x1b[0m"
        with contextlib.suppress(BrokenPipeError):
            self.out.write(f"{prefix} {line}\n")
            self.out.flush()

    # --- the loop ------------------------------------------------------------------------------------------------
    def _on_signal(self, number: int, _frame: object) -> None:
        now = time.monotonic()
        # A group kill through make arrives twice at once; only a later, second Ctrl-C means "now".
        self.impatient = number == signal.SIGINT and bool(self.signalled_at) and now - self.signalled_at > 1
        self.signalled_at = self.signalled_at or now

    def _revive(self) -> None:
        now = time.monotonic()
        for child in self.children:
            if child.process is None and now >= child.again_at:
                self._start(child)
            elif child.process is not None and child.role.is_sick is not None and child.role.is_sick(now - child.started):
                self.say(child.role.name, "does not work any more, restarting it")
                self._signal(child, signal.SIGKILL)

    def _start(self, child: Child) -> None:
        child.process = subprocess.Popen(
            child.role.command,
            env={**os.environ, **child.role.environment, MARK: self.run_mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=processes.dies_with_parent(signal.SIGTERM),  # noqa: PLW1509 (one thread)
        )
        child.started, child.told_to_stop = time.monotonic(), False
        assert child.process.stdout is not None
        os.set_blocking(child.process.stdout.fileno(), False)
        self.selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def _pump(self, wake: socket.socket, timeout_s: float) -> None:
        for key, _ in self.selector.select(timeout_s):
            if isinstance(key.data, Child):
                self._read(key.data)
            else:
                with contextlib.suppress(BlockingIOError):
                    wake.recv(64)

    def _read(self, child: Child) -> None:
        assert child.process is not None
        assert child.process.stdout is not None
        data = child.process.stdout.read(65536)
        if data is None:
            return
        if not data:  # every holder of the pipe has ended
            self.selector.unregister(child.process.stdout)
        *lines, child.rest = (child.rest + data).split(b"\n")
        for line in lines if data else [child.rest] if child.rest else []:
            self.say(child.role.name, line.decode(errors="replace").rstrip("\r"))

    def _collect(self) -> None:
        for child in self.children:
            if child.process is None or (code := child.process.poll()) is None:
                continue
            self._signal(child, signal.SIGKILL)  # its own children, where it was killed before them
            self._close(child)
            if child.told_to_stop or self.signalled_at:
                continue
            child.failures = 1 if time.monotonic() - child.started > STEADY_AFTER_S else child.failures + 1
            pause = min(FIRST_PAUSE_S * 2 ** (child.failures - 1), LONGEST_PAUSE_S)
            child.again_at = time.monotonic() + pause
            self.say(child.role.name, f"ended ({_how(code)}), again in {pause:g} s")

    def _close(self, child: Child) -> None:
        assert child.process is not None
        assert child.process.stdout is not None
        if child.process.stdout in self.selector.get_map():
            self._read(child)
        with contextlib.suppress(KeyError):
            self.selector.unregister(child.process.stdout)
        child.process.stdout.close()
        child.process, child.rest = None, b""

    def _signal(self, child: Child, number: int) -> None:
        if child.process is not None:
            with contextlib.suppress(ProcessLookupError):
                if number == signal.SIGKILL:
                    os.killpg(child.process.pid, number)
                else:
                    child.process.send_signal(number)

    # --- the end -------------------------------------------------------------------------------------------------
    def _stop_all(self, wake: socket.socket) -> None:
        for rank in sorted({child.role.stop_rank for child in self.children}):
            group = [child for child in self.children if child.role.stop_rank == rank and child.process is not None]
            for child in group:
                child.told_to_stop = True
                self._signal(child, signal.SIGTERM)
            began = time.monotonic()
            while any(child.process is not None for child in group):
                self._pump(wake, 0.05)
                self._collect()
                for child in group:
                    if child.process is not None and (self.impatient or time.monotonic() - began > child.role.stop_timeout_s):
                        self.say(child.role.name, "did not end, killed")
                        self._signal(child, signal.SIGKILL)


def _how(code: int) -> str:
    return f"exit {code}" if code >= 0 else signal.Signals(-code).name


def require_free_port(host: str, port: int, name: str) -> None:
    """Look whether a server could listen there. granian would share a taken port without a word.

    :raises PortInUse: it could not
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as no:
            raise PortInUse(f"{name}: {host}:{port}: {no.strerror}; set {name} to a free port, or stop what listens there") from no


def answers_ready(url: str) -> tuple[bool, str]:
    """Whether a `/readyz` says yes, and what it said."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 (our own address)
            return answer.status == 200, ""
    except urllib.error.HTTPError as no:
        return False, no.read(2000).decode(errors="replace")
    except OSError as no:
        return False, str(no)


def kill_left_behind(run: Path) -> list[int]:
    """Kill what an earlier supervisor of the same folder left running; the caller holds that folder's lock. Answers what was killed."""
    wanted = os.fsencode(f"{MARK}={run}")
    killed: list[int] = []
    end = time.monotonic() + 10
    while time.monotonic() < end:
        found = [pid for pid in _marked(wanted) if not processes.is_zombie(pid)]
        if not found:
            break
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
        time.sleep(0.02)
    return killed


def _marked(wanted: bytes) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int(entry.name) != os.getpid() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found
