"""What an operator can mend is one line with a code, never a traceback."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.roof import own


def manage(var: Path, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=own.ROOT,
        env=own.environment(var, **env),
        text=True,
        capture_output=True,
        timeout=200,
        check=False,
    )


def test_unreachable_database_is_one_coded_line_without_the_password(tmp_path: Path) -> None:
    done = manage(tmp_path, "migrate", DATABASE_URL="postgres://desk:s3cret@127.0.0.1:1/otc")
    assert done.returncode == 3
    [line] = done.stderr.splitlines()
    assert line.startswith("error [database_unreachable]: DATABASE_URL postgres://desk:***@127.0.0.1:1/otc: ")
    assert "s3cret" not in done.stdout + done.stderr


def test_unreachable_valkey_is_one_coded_line_without_the_password(tmp_path: Path) -> None:
    done = manage(tmp_path, "migrate", VALKEY_URL="redis://:s3cret@127.0.0.1:1/0")
    assert done.returncode == 3
    [line] = done.stderr.splitlines()
    assert line.startswith("error [valkey_unreachable]: VALKEY_URL redis://:***@127.0.0.1:1/0: ")


@pytest.mark.parametrize("url", ["mysql://a:b@localhost/c", "nonsense", "postgres://[::1"])
def test_database_url_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    done = manage(tmp_path, "migrate", DATABASE_URL=url)
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith("error [settings]: DATABASE_URL: ")


@pytest.mark.parametrize(
    "wrong",
    [
        "VALKEY_TIMEOUT_MS=0", "VALKEY_TIMEOUT_MS=60001", "WEB_PORT=soon", "LIVE_PORT=70000", "DB_POOL_MAX=", "WEB_WORKERS=0",
        "TRUSTED_PROXY_HOPS=-1", "SSI_COOLING_HOURS=1.5", "DEBUG=perhaps", "EMBED_DURABLE=2", "MONITORING={", "CHAIN_FEE_MAX=[]",
        "RATE_RFQS=many", "RATE_REQUESTS=0/s", "RATE_BAD_SIGNATURES=60/0m", "EMAIL_URL=smtp://localhost:port", "EMAIL_URL=smtp://",
    ],
)  # fmt: skip
def test_setting_that_is_none_is_one_line_that_names_it(tmp_path: Path, wrong: str) -> None:
    name, _, value = wrong.partition("=")
    done = manage(tmp_path, "version", **{name: value})
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert line.startswith(f"error [settings]: {name}")


def test_embedded_engines_are_refused_in_production(tmp_path: Path) -> None:
    done = manage(tmp_path, "migrate", DEBUG="0", SECRET_KEY="k" * 60)
    assert done.returncode == 2
    assert done.stderr.startswith("error [settings]: DATABASE_URL and VALKEY_URL: ")
    assert own.running(tmp_path) == {}


def test_command_without_database_starts_no_engines(tmp_path: Path) -> None:
    assert manage(tmp_path, "version").returncode == 0
    assert not (tmp_path / "engines").exists()


def test_taken_port_is_one_line_and_starts_nothing(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = manage(tmp_path, "standalone", WEB_PORT=str(port), LIVE_PORT=str(free_port()))
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert f"WEB_PORT: 127.0.0.1:{port}: " in line
    assert not (tmp_path / "engines").exists()


def test_folder_that_cannot_be_written_is_one_coded_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    done = manage(tmp_path / "file", "migrate")
    assert done.returncode == 3
    [line] = done.stderr.splitlines()
    assert line.startswith("error [engines_not_started]: VAR_DIR: ")
