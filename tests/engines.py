"""The tests' own engines: a pytest plugin, loaded by `-p tests.engines` before the settings are read.

* Engines of their own (`var/test`), so that a running desk is never touched; with DATABASE_URL a server of yours, logged in as superuser.
* A PostgreSQL (`var/test/gw0`, …), a database and a Valkey for each xdist worker, so that workers, and the servers they start, never meet:
  in one cluster a test's transaction holds back the other worker's readers of events, and each sees the locks that the other waits for.
* The schema is migrated once by its owner into a template, kept until a file that makes the schema changes; the database is its copy.
* Tests run as `flowdesk_app`, as the platform does; what they leave behind is flushed by the superuser, since the app may not.
"""

import atexit
import contextlib
import hashlib
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

ROOT = Path(__file__).resolve().parent.parent
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
DATABASE = f"flowdesk_test_{WORKER}"
# Whatever of these changes makes a new template.
SCHEMA = (
    "apps/*/operations.py",
    "apps/*/operations/*.py",
    "apps/*/migrations/*.py",
    "apps/*/states.py",
    "apps/*/reference.py",
    "apps/core/*.py",
    "flowdesk/settings.py",
    "requirements.txt",
)
KEPT = ("django_migrations", "django_content_type", "auth_permission")

os.environ["PYTEST_PLUGINS"] = "tests.engines"  # an xdist worker reads -p only after the settings, but this before
_GIVEN_VAR = os.environ.setdefault("FLOWDESK_TEST_VAR_DIR", os.environ.get("VAR_DIR", str(ROOT / "var/test")))
os.environ["VAR_DIR"] = _GIVEN_VAR if WORKER == "main" else str(Path(_GIVEN_VAR) / WORKER)
os.environ.setdefault("EMBED_DURABLE", "0")
os.environ["EMBED_DATABASE"] = DATABASE
os.environ.setdefault("VALKEY_TIMEOUT_MS", "30000")  # it is there, however busy the machine is
_GIVEN_DATABASE = os.environ.setdefault("FLOWDESK_TEST_DATABASE_URL", os.environ.get("DATABASE_URL", ""))
if _GIVEN_DATABASE:
    os.environ["DATABASE_URL"] = urlunsplit(urlsplit(_GIVEN_DATABASE)._replace(path=f"/{DATABASE}"))
_valkey_home = Path(tempfile.mkdtemp(prefix="fd-vk-"))  # short: a socket's path ends at 107 bytes
atexit.register(shutil.rmtree, _valkey_home, ignore_errors=True)
os.environ["VALKEY_URL"] = f"unix://{_valkey_home}/valkey.sock"

_open = contextlib.ExitStack()
_connections: dict[str, psycopg.Connection[Any]] = {}


def pytest_configure(config: pytest.Config) -> None:
    """Start the engines. The xdist controller runs no test, and needs none."""
    if any(getattr(config.option, word, False) for word in ("help", "version", "markers", "showfixtures")):
        return
    if WORKER == "main" and getattr(config.option, "numprocesses", None):
        return
    _patch_flush()
    from flowdesk import services

    _start_valkey()
    if not _GIVEN_DATABASE:
        _open.enter_context(services.engines())


def pytest_unconfigure() -> None:
    from django.db import connections

    with contextlib.suppress(Exception):
        for connection in connections.all(initialized_only=True):
            connection.close()
            connection.close_pool()
    for session in _connections.values():
        session.close()
    _connections.clear()
    _open.close()


def _start_valkey() -> None:
    from flowdesk.valkey import Valkey

    _open.callback(shutil.rmtree, _valkey_home, ignore_errors=True)  # an xdist worker ends without atexit
    server = Valkey(_valkey_home / "data", _valkey_home / "valkey.sock", durable=False)
    child = server.start()  # ends with this process, however that ends
    _open.callback(child.wait)
    _open.callback(child.terminate)
    while not server.answers():
        if child.poll() is not None:
            raise pytest.UsageError(f"Valkey ended while starting: {(_valkey_home / 'valkey.log').read_text()[-400:]}")


# --- databases --------------------------------------------------------------------------------------------------------
def superuser(database: str = DATABASE) -> psycopg.Connection[Any]:
    """The superuser's own connection to a database, in autocommit; kept open for the session."""
    if database not in _connections or _connections[database].closed:
        if _GIVEN_DATABASE:
            url = urlunsplit(urlsplit(_GIVEN_DATABASE)._replace(path=f"/{database}"))
            _connections[database] = psycopg.connect(url, autocommit=True)
        else:
            from flowdesk import services

            _connections[database] = services.superuser(database)
    return _connections[database]


def prepare_database() -> None:
    """Make this worker's database out of the template, and the template where it is missing."""
    template = f"flowdesk_template_{_schema_hash()}"
    admin = superuser("postgres")
    admin.execute("SELECT pg_advisory_lock(7310)")  # one worker migrates, the others wait for it
    try:
        if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s AND datistemplate", [template]).fetchone() is None:
            _make_template(admin, template)
    finally:
        admin.execute("SELECT pg_advisory_unlock(7310)")
    if DATABASE in _connections:
        _connections.pop(DATABASE).close()
    admin.execute(f'DROP DATABASE IF EXISTS "{DATABASE}" WITH (FORCE)')
    admin.execute(f'CREATE DATABASE "{DATABASE}" OWNER {_owner(admin)} TEMPLATE "{template}" STRATEGY FILE_COPY')


def _make_template(admin: psycopg.Connection[Any], template: str) -> None:
    for (name,) in admin.execute("SELECT datname FROM pg_database WHERE datname LIKE 'flowdesk_template_%'").fetchall():
        admin.execute(f'ALTER DATABASE "{name}" IS_TEMPLATE false')
        admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    admin.execute(f'CREATE DATABASE "{template}" OWNER {_owner(admin)}')
    environment = {**os.environ, "FLOWDESK_DB_ROLE": "owner", "EMBED_DATABASE": template}
    if _GIVEN_DATABASE:
        environment["DATABASE_URL"] = urlunsplit(urlsplit(_GIVEN_DATABASE)._replace(path=f"/{template}"))
    migrate = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "migrate", "--no-input", "--verbosity", "0"],
        cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if migrate.returncode:
        pytest.fail(f"migrate failed, so no test can run:\n{migrate.stdout[-2000:]}{migrate.stderr[-6000:]}", pytrace=False)
    admin.execute(f'ALTER DATABASE "{template}" IS_TEMPLATE true')


def _owner(admin: psycopg.Connection[Any]) -> str:
    return '"flowdesk"' if not _GIVEN_DATABASE else f'"{admin.info.user}"'


def _schema_hash() -> str:
    digest = hashlib.sha256()
    for pattern in SCHEMA:
        for path in sorted(ROOT.glob(pattern)):
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any) -> None:
    """In place of pytest-django's: the database exists under its own name before Django opens its first connection."""
    with django_db_blocker.unblock():
        prepare_database()


# --- between tests ----------------------------------------------------------------------------------------------------
MOST_DELETED = 8_000_000  # bytes of tables
_reference: dict[int, str] = {}  # by the server process that keeps the copies: what puts the reference rows back


def flush_database() -> None:
    """Empty every table that has rows, past all triggers, and put the reference rows back."""
    session = superuser()
    put_back = _reference.get(session.info.backend_pid)
    filled = _filled(session)
    session.execute("SET session_replication_role = replica; SET lock_timeout = '20s'")
    try:
        session.execute(f"BEGIN; {_emptied(session, filled)}; {put_back or ''}; COMMIT")
    finally:
        if session.info.transaction_status:
            session.execute("ROLLBACK")
        session.execute("RESET session_replication_role")
    if put_back is None:
        importlib.import_module("apps.core.reference").seed_all()
        _reference[session.info.backend_pid] = _copied(session)


def _filled(session: psycopg.Connection[Any]) -> list[str]:
    tables = [
        name
        for (name,) in session.execute(
            "SELECT format('%%I.%%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL (%s)",
            [list(KEPT)],
        ).fetchall()
    ]
    union = " UNION ALL ".join(f"(SELECT '{name}' FROM {name} LIMIT 1)" for name in tables)
    return [name for (name,) in session.execute(union).fetchall()]


def _copied(session: psycopg.Connection[Any]) -> str:
    """Copy the reference rows into tables that this session alone sees; the statements that put them back, counters too.

    Each time with other ids: a server that a module of tests started remembers accounts of ours by ids that follow from these.
    """
    out = []
    for number, name in enumerate(_filled(session)):
        columns = session.execute(
            "SELECT attname, atttypid = 'uuid'::regtype FROM pg_attribute "
            "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
            [name],
        ).fetchall()
        session.execute(f"CREATE TEMP TABLE reference_{number} AS SELECT * FROM {name}")
        values = ", ".join(_OTHER.format(column) if is_id else f'"{column}"' for column, is_id in columns)
        names = ", ".join(f'"{column}"' for column, _ in columns)
        out.append(f"INSERT INTO {name} ({names}) OVERRIDING SYSTEM VALUE SELECT {values} FROM pg_temp.reference_{number}")
        for (counter,) in session.execute(_COUNTERS, [[name]]).fetchall():
            last, is_called = session.execute(f"SELECT last_value, is_called FROM {counter}").fetchall()[0]
            out.append(f"SELECT setval('{counter}', {last}, {is_called})")
    return "; ".join(out)


_OTHER = 'overlay("{0}"::text placing substr(md5("{0}"::text || pg_current_xact_id()::text), 1, 12) from 25)::uuid'
_COUNTERS = (
    "SELECT DISTINCT s.oid::regclass::text FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i') "
    "WHERE s.relkind = 'S' AND d.refobjid = ANY (%s::text[]::regclass[]::oid[])"
)


def _emptied(session: psycopg.Connection[Any], filled: list[str]) -> str:
    """What empties these tables: TRUNCATE gives every table that points at them, and every index, a new file, so few rows are deleted.

    As TRUNCATE does, deleting takes each table for itself: a transaction that a test left open is waited for, and fails after lock_timeout.
    """
    if not filled:
        return ""
    names = [name.replace('"', "") for name in filled]
    size = session.execute("SELECT sum(pg_relation_size(name::regclass)) FROM unnest(%s::text[]) AS name", [names]).fetchall()[0][0]
    if size > MOST_DELETED:
        return f"TRUNCATE {', '.join(filled)} RESTART IDENTITY CASCADE"
    counted = session.execute(_COUNTERS, [names]).fetchall()
    locked = f"LOCK TABLE {', '.join(filled)} IN ACCESS EXCLUSIVE MODE"
    return "; ".join([locked, *(f"DELETE FROM {name}" for name in filled), *(f"ALTER SEQUENCE {name} RESTART" for (name,) in counted)])


def _patch_flush() -> None:
    from django.test import TransactionTestCase

    # TestCase has its own (a rollback), and calls this one only where a database has no transactions.
    TransactionTestCase._fixture_teardown = lambda _self: flush_database()  # type: ignore[method-assign, assignment]


@pytest.fixture(autouse=True)
def _empty_valkey() -> Iterator[None]:
    """Each test starts with an empty Valkey: rate limits, caches and books of the one before are gone."""
    import redis

    yield
    with redis.Redis.from_url(os.environ["VALKEY_URL"]) as valkey:
        valkey.flushall()


@pytest.fixture
def superuser_session(db: None) -> psycopg.Connection[Any]:
    """The superuser's connection to the test database, to damage what no role of the platform may touch; not in the test's transaction."""
    return superuser()
