"""The keeper: a process of its own that owns the embedded PostgreSQL and Valkey for as long as somebody uses them.

Started by `flowdesk.services.engines()`, never by hand. It holds the lock `keeper`, kills what an earlier life left behind, starts both
engines, writes `ready`, and waits for the exclusive lock `users`, which it is granted when the last user is gone, killed or not. Then it
stops the engines and ends. An engine that dies meanwhile is started again in its place.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Protocol

from flowdesk import postgres, processes, valkey

POLL_S = 0.05
START_TIMEOUT_S = 60


@dataclass(frozen=True)
class Spec:
    """What a keeper is asked to keep; both sides read it from the command line."""

    data: str
    sockets: str
    postgres: bool
    valkey: bool
    durable: bool  # False: no fsync, for tests only

    def dump(self) -> str:
        return json.dumps(asdict(self))

    @property
    def data_dir(self) -> Path:
        return Path(self.data)

    @property
    def socket_dir(self) -> Path:
        return Path(self.sockets)


class Engine(Protocol):
    """One embedded server."""

    name: str
    stop_signals: tuple[int, ...]

    def start(self) -> subprocess.Popen[bytes]:
        """Remove what is stale, start the server as our child."""

    def answers(self) -> bool:
        """Whether it can be used now."""

    def prepare(self) -> None:
        """What has to be there once it answers."""


class Keeper:
    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.ready = spec.data_dir / "ready"
        self.engines: list[Engine] = []
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.locks: tuple[IO[str], ...] = ()
        self.asked_to_stop = False

    def run(self) -> int:
        data = self.spec.data_dir
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        # Left open on purpose: they are given up by the end of the process itself, so who waits for them waits for that.
        self.locks = mine, users = processes.open_lock(data / "keeper"), processes.open_lock(data / "users")
        fcntl.flock(mine, fcntl.LOCK_EX)
        self.ready.unlink(missing_ok=True)
        try:
            make_socket_dir(self.spec.socket_dir)
            if self.spec.postgres:
                self.engines.append(postgres.Postgres(data / "postgres", self.spec.socket_dir, durable=self.spec.durable))
            if self.spec.valkey:
                self.engines.append(valkey.Valkey(data / "valkey", self.spec.socket_dir / "valkey.sock", durable=self.spec.durable))
            self._start(self.engines)
            self._keep(mine, users)
        finally:
            # `users` is ours now (or we were told to stop): who comes next waits for us to end.
            if _is_same_file(mine, data / "keeper"):
                self.ready.unlink(missing_ok=True)
            self._stop()
            remove_socket_dir(self.spec.socket_dir)
        return 0

    def _on_stop(self, _signal: int, _frame: object) -> None:
        self.asked_to_stop = True

    def _start(self, engines: list[Engine]) -> None:
        for engine in engines:
            self.children[engine.name] = engine.start()
        end = time.monotonic() + START_TIMEOUT_S
        waiting = list(engines)
        while waiting:
            for engine in waiting:
                code = self.children[engine.name].poll()
                if code is not None:
                    raise SystemExit(f"{engine.name} ended while starting (exit {code}); its log is {self.spec.data_dir}/{engine.name}.log")
            if time.monotonic() > end:
                raise SystemExit(f"{waiting[0].name} does not answer after {START_TIMEOUT_S} s")
            waiting = [engine for engine in waiting if not engine.answers()]
            time.sleep(0.01 if waiting else 0)
        for engine in engines:
            engine.prepare()
        temporary = self.ready.with_suffix(".new")
        temporary.write_text(self.spec.dump())
        temporary.replace(self.ready)

    def _keep(self, mine: IO[str], users: IO[str]) -> None:
        while not self.asked_to_stop and not processes.try_lock(users, exclusive=True):
            if not _is_same_file(mine, self.spec.data_dir / "keeper"):
                return  # the data folder was deleted under us: its next user has a keeper of its own
            dead = [engine for engine in self.engines if self.children[engine.name].poll() is not None]
            if dead:
                self.ready.unlink(missing_ok=True)
                print(f"{', '.join(engine.name for engine in dead)} died, starting again", file=sys.stderr, flush=True)  # noqa: T201
                time.sleep(0.2)
                self._start(dead)
            time.sleep(POLL_S)

    def _stop(self) -> None:
        for engine in self.engines:
            if (child := self.children.get(engine.name)) is not None and child.poll() is None:
                child.send_signal(engine.stop_signals[0])
        for engine in self.engines:
            if (child := self.children.get(engine.name)) is not None:
                _wait_or_insist(child, engine.stop_signals[1:])


def _wait_or_insist(child: subprocess.Popen[bytes], harsher: tuple[int, ...]) -> None:
    for following in (*harsher, signal.SIGKILL):
        try:
            child.wait(timeout=20)
            return
        except subprocess.TimeoutExpired:
            child.send_signal(following)
    child.wait()


def _is_same_file(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def make_socket_dir(path: Path) -> None:
    """Make the 0700 folder of the sockets; a folder that another user put there is refused."""
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if path.is_symlink() or found.st_uid != os.geteuid():
        raise SystemExit(f"{path}: belongs to somebody else; remove it, or set TMPDIR to a folder of your own")
    path.chmod(0o700)


def remove_socket_dir(path: Path) -> None:
    for leaf in (path / "pg", path):
        for file in leaf.glob("*") if leaf.is_dir() else ():
            if not file.is_dir():
                file.unlink(missing_ok=True)
        try:
            leaf.rmdir()
        except OSError:
            continue


def main() -> None:
    spec = Spec(**json.loads(sys.argv[1]))
    os.chdir(spec.data_dir)
    os.umask(0o022)
    keeper = Keeper(spec)
    os._exit(keeper.run())  # with its locks still held: see run()


if __name__ == "__main__":
    main()
