"""The engines of this process: embedded ones, alive for as long as somebody uses them, or servers named by URL, checked to answer.

`with engines():` is entered by `manage.py` for commands that need a database, by the supervisor and by the tests; never by settings. How
users and the keeper find each other, whoever of them is killed:

* a user holds the shared lock `users`, then, alone (`spawn`), starts a keeper unless one lives and has written `ready`;
* the keeper (flowdesk/keeper.py) owns the engines until it is granted the exclusive lock `users`;
* the last user to leave waits until the keeper has gone.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from django.conf import settings

from flowdesk import processes
from flowdesk.keeper import START_TIMEOUT_S, Spec

STOP_TIMEOUT_S = 60


class EnginesUnavailable(Exception):
    """PostgreSQL or Valkey cannot be used; `code` is stable, the message one line for an operator."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@contextmanager
def engines() -> Iterator[None]:
    """Have PostgreSQL and Valkey answer at the addresses of the settings, for as long as the context lasts. It may be nested.

    :raises EnginesUnavailable: a server named by URL does not answer, or an embedded one does not start
    """
    if not settings.EMBED_POSTGRES:
        require_database()
    if not settings.EMBED_VALKEY:
        require_valkey()
    if not (settings.EMBED_POSTGRES or settings.EMBED_VALKEY):
        yield
        return
    spec = _spec()
    try:
        spec.data_dir.mkdir(parents=True, exist_ok=True)
        users = processes.open_lock(spec.data_dir / "users")
    except OSError as no:
        raise EnginesUnavailable("engines_not_started", f"VAR_DIR: {no.strerror}: {no.filename}") from no
    with users:
        keeper = _join(spec, users)
        try:
            yield
        finally:
            fcntl.flock(users, fcntl.LOCK_UN)
            _leave(spec)
            if keeper is not None:
                keeper.poll()


def rebuild() -> None:
    """Put a new, empty database in place of the embedded one, and empty the embedded Valkey; called inside `engines()`.

    :raises EnginesUnavailable: someone else uses the engines, or the servers are not ours to empty
    """
    if not (settings.EMBED_POSTGRES and settings.EMBED_VALKEY):
        raise EnginesUnavailable("engines_not_ours", "DATABASE_URL or VALKEY_URL is set: only embedded engines are emptied")
    name = settings.DATABASES["default"]["NAME"]
    with superuser("postgres") as session:
        if session.execute("SELECT 1 FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()", [name]).fetchone():
            raise EnginesUnavailable("engines_in_use", "the embedded database is in use (by `make run`?): stop that first")
        session.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        session.execute(f'CREATE DATABASE "{name}" OWNER flowdesk')
    with redis.Redis.from_url(settings.VALKEY_URL) as valkey:
        valkey.flushall()
    shutil.rmtree(settings.ANCHORS_DIR, ignore_errors=True)  # they are of the chain that is gone


def superuser(database: str) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection to the embedded cluster as `postgres`, in autocommit: for rebuilding and for tests."""
    return psycopg.connect(
        host=str(settings.EMBEDDED.postgres_socket_dir), user="postgres", dbname=database, connect_timeout=5, autocommit=True
    )


def require_database() -> None:
    """Connect once to the server of DATABASE_URL.

    :raises EnginesUnavailable: `database_unreachable`, with the address (without its password) and the reason
    """
    database = settings.DATABASES["default"]
    extra = {name: value for name, value in database["OPTIONS"].items() if name not in {"options", "pool"}}  # sslmode and the like
    try:
        psycopg.connect(
            host=database.get("HOST") or None,
            port=database.get("PORT") or None,
            user=database.get("USER") or None,
            password=database.get("PASSWORD") or None,
            dbname=database["NAME"],
            **{"connect_timeout": 5, **extra},
        ).close()
    except psycopg.Error as no:
        raise EnginesUnavailable("database_unreachable", f"DATABASE_URL {masked(settings.DATABASE_URL)}: {_reason(no)}") from no


def require_valkey() -> None:
    """Ping the server of VALKEY_URL.

    :raises EnginesUnavailable: `valkey_unreachable`, with the address (without its password) and the reason
    """
    try:
        with redis.Redis.from_url(settings.VALKEY_URL, socket_connect_timeout=5, socket_timeout=5) as valkey:
            valkey.ping()
    except (redis.RedisError, OSError, ValueError) as no:
        raise EnginesUnavailable("valkey_unreachable", f"VALKEY_URL {masked(settings.VALKEY_URL)}: {_reason(no)}") from no


def masked(url: str) -> str:
    """The URL with its password hidden."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(not a URL)"
    if "@" not in parts.netloc:
        return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
    user, _, place = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    return urlunsplit((parts.scheme, f"{name}:***@{place}", parts.path, "", ""))


def _reason(no: BaseException) -> str:
    lines = [line.strip() for line in str(no).splitlines() if line.strip()]
    return lines[0] if lines else type(no).__name__


def _spec() -> Spec:
    place = settings.EMBEDDED
    return Spec(
        data=str(place.data.absolute()),
        sockets=str(place.sockets),
        postgres=settings.EMBED_POSTGRES,
        valkey=settings.EMBED_VALKEY,
        durable=settings.EMBED_DURABLE,
    )


def _join(spec: Spec, users: IO[str]) -> subprocess.Popen[bytes] | None:
    """Hold `users` and see to it that a keeper lives and is ready; answers the keeper if we started it."""
    try:
        # Taken exclusively by a keeper that stops, so this waits for its end.
        processes.lock(users, exclusive=False, timeout_s=STOP_TIMEOUT_S)
        with processes.held(spec.data_dir / "spawn", timeout_s=START_TIMEOUT_S + 10):
            return _ensure_keeper(spec)
    except TimeoutError as no:
        raise EnginesUnavailable("engines_not_started", f"embedded engines: {no}") from no


def _ensure_keeper(spec: Spec) -> subprocess.Popen[bytes] | None:
    ready, lock = spec.data_dir / "ready", spec.data_dir / "keeper"
    keeper: subprocess.Popen[bytes] | None = None
    end = time.monotonic() + START_TIMEOUT_S + 5
    while time.monotonic() < end:
        free = processes.is_free(lock)
        if not free and (served := _read_spec(ready)) is not None:
            if (spec.postgres and not served.postgres) or (spec.valkey and not served.valkey):
                raise EnginesUnavailable(
                    "engines_in_use",
                    "another process of this checkout runs with other settings of DATABASE_URL or VALKEY_URL; stop it first",
                )
            return keeper
        if keeper is not None and keeper.poll() is not None:
            raise EnginesUnavailable("engines_not_started", f"embedded engines: {_last_line(spec.data_dir / 'engines.log')}")
        if keeper is None and free:
            ready.unlink(missing_ok=True)  # of a keeper that was killed
            keeper = _spawn(spec)
        time.sleep(0.01)
    raise EnginesUnavailable("engines_not_started", f"embedded engines: not ready after {START_TIMEOUT_S} s")


def _spawn(spec: Spec) -> subprocess.Popen[bytes]:
    with (spec.data_dir / "engines.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "flowdesk.keeper", spec.dump()],
            cwd=settings.BASE_DIR,
            env={**os.environ, "PYTHONPATH": str(settings.BASE_DIR)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _leave(spec: Spec) -> None:
    """Return at once while others use the engines; the last one waits until the keeper has stopped them."""
    end = time.monotonic() + STOP_TIMEOUT_S
    try:
        with processes.held(spec.data_dir / "leave", timeout_s=STOP_TIMEOUT_S):  # two who leave must not take each other for users
            while time.monotonic() < end and not processes.is_free(spec.data_dir / "keeper"):
                if not processes.is_free(spec.data_dir / "users") and _can_share(spec.data_dir / "users"):
                    return  # somebody else still uses them
                time.sleep(0.01)
    except (TimeoutError, FileNotFoundError):  # the folder was deleted while we worked: nothing left to wait for
        return


def _can_share(path: Path) -> bool:
    with processes.open_lock(path) as probe:
        return processes.try_lock(probe, exclusive=False)


def _read_spec(ready: Path) -> Spec | None:
    try:
        return Spec(**json.loads(ready.read_text()))
    except FileNotFoundError:
        return None


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "the keeper ended without a word")
