"""Every benchmark runs, checks its own work and tells rows of one shape. Speed is never asserted here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.roof import own

MEMBERS = {"name", "ours", "limit", "unit", "ratio", "note"}


def bench(var: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "manage.py", "bench", *words]
    return subprocess.run(command, cwd=own.ROOT, env=own.environment(var), text=True, capture_output=True, timeout=600, check=False)


@pytest.mark.drill
@pytest.mark.timeout(660)
@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("accept", ["accept"]),
        ("quote", ["quote", "quote p99"]),
        ("ledger", ["ledger", "ledger batch"]),
        ("fanout", ["fanout"]),
        ("events", ["events"]),
        ("netting", ["netting"]),
        ("growth", ["growth quote", "growth accept", "growth netting"]),
    ],
)
def test_benchmark_tells_its_rows_and_leaves_nothing_behind(tmp_path: Path, name: str, rows: list[str]) -> None:
    done = bench(tmp_path, name, "--json", "--seconds", "1")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [row["name"] for row in told] == rows
    for row in told:
        assert set(row) == MEMBERS
        assert row["ours"] > 0
        assert row["limit"] > 0
        assert row["ratio"] == pytest.approx(row["ours"] / row["limit"], rel=0.01)
        assert row["note"]
    assert list(tmp_path.iterdir()) == []
    assert own.running(tmp_path) == {}


def test_unknown_benchmark_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    done = bench(tmp_path, "nonsense")
    assert done.returncode != 0
    assert "accept" in done.stderr
    assert "Traceback" not in done.stderr


def test_duration_out_of_range_is_refused(tmp_path: Path) -> None:
    done = bench(tmp_path, "ledger", "--seconds", "0")
    assert done.returncode == 1
    assert "--seconds 0: a whole number from 1 to 600" in done.stderr
