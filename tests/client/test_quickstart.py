"""docs/quickstart.md is run as it is printed: every block of bash and Python, one after the other."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from apps.trades.models import Trade
from tests import world
from tests.client.conftest import BadLine
from tests.live.conftest import start_live
from tests.ports import free_port

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_it_runs_as_it_is_printed(line: BadLine, acme: world.Firm, tmp_path: Path) -> None:
    live = start_live(free_port())
    script = ["set -euo pipefail", f"cd {str(ROOT)!r}"]
    for number, (language, text) in enumerate(BLOCK.findall((ROOT / "docs/quickstart.md").read_text())):
        if language == "python":
            (tmp_path / f"{number}.py").write_text(text)
        script.append(f".venv/bin/python {tmp_path}/{number}.py\n" if language == "python" else text)
    assert len(script) > 10
    env = {**os.environ, "FLOWDESK_URL": line.url, "FLOWDESK_LIVE_URL": f"ws://{live.host}", "FLOWDESK_KEY": str(tmp_path / "key.json")}
    try:
        done = subprocess.run(["bash", "-c", "\n".join(script)], env=env, capture_output=True, text=True, timeout=280, check=False)
    finally:
        live.stop()
    assert done.returncode == 0, done.stderr
    assert Trade.objects.count() == 3  # by curl, by Python, by the command line
    for fact in ('"desk":', '"status":"QUOTED"', "409 quote_answered never", "trade.booked", "USD receivable", "you buy 0.5 BTC-USD at"):
        assert fact in done.stdout, fact
    accepted = re.findall(r'^\{"id":"trd_.*', done.stdout, re.MULTILINE)
    assert len(accepted) == 2
    assert accepted[0] == accepted[1]
