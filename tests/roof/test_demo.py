"""The demo's plan and, in the long set, whole days: the same seed deals the same, another seed does not."""

import json
import os
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from flowdesk.demo import plan
from flowdesk.demo.trading import TradingDay

ROOT = Path(__file__).resolve().parents[2]


def test_the_same_seed_plans_the_same_day_and_another_seed_another() -> None:
    assert plan.draw(7) == plan.draw(7)
    assert plan.draw(7) != plan.draw(8)


def test_a_planned_day_has_every_kind_of_request_and_fate() -> None:
    asks = plan.draw(7)
    assert len(asks) >= 200
    assert {ask.client for ask in asks} == {"acme", "borealis", "cygnus"}
    assert {ask.body["instrument"] for ask in asks} == {"BTC-USD", "ETH-USD", "BTC-EUR", "EUR-USD"}
    assert {ask.fate for ask in asks} == {"accept", "decline", "expire", "double", "retry", "price", "reject", "counter"}
    assert any("quote_quantity" in ask.body for ask in asks)


@pytest.mark.django_db
def test_the_venue_tells_what_it_holds_by_its_own_fills(tmp_path: Path) -> None:
    nobody: Any = None
    day = TradingDay(day=date(2026, 9, 15), composer=nobody, clients=nobody, folder=tmp_path, trader=nobody, sales=nobody)
    day.executed = [
        "northgate,NG-1,BTC-USD,sell,0.5,60000.01,3,2026-09-15T09:00:00+00:00",  # 30000.005: we get 30000
        "northgate,NG-2,BTC-USD,buy,0.2,60000.01,1.2,2026-09-15T10:00:00+00:00",  # 12000.002: we pay 12000.01
        "northgate,NG-3,EUR-USD,buy,1000,1.1,0,2026-09-15T11:00:00+00:00",
    ]
    assert day.held_at_venue() == {"BTC": Decimal("-0.3"), "EUR": Decimal(1000), "USD": Decimal("16895.79")}


def run_day(folder: Path, *arguments: str) -> dict[str, Any]:
    # Its own engines in its own folder; the tests' names for database and Valkey are not its.
    foreign = ("DATABASE_URL", "VALKEY_URL", "EMBED_DATABASE", "DJANGO_SETTINGS_MODULE", "BUS_PREFIX", "PYTEST_CURRENT_TEST")
    env = {name: value for name, value in os.environ.items() if name not in foreign} | {"VAR_DIR": str(folder)}
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "demo", *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    told: dict[str, Any] = json.loads((folder / "demo" / "summary.json").read_text())
    return told


@pytest.mark.drill
@pytest.mark.timeout(1500)
def test_the_same_seed_deals_the_same_and_another_seed_does_not(tmp_path: Path) -> None:
    one, again, other = (run_day(tmp_path / name, "--seed", seed) for name, seed in (("one", "11"), ("again", "11"), ("other", "12")))
    assert one["deals"] == again["deals"]
    assert one["rfqs"] == again["rfqs"]
    assert one["pnl_usd"] == again["pnl_usd"]
    assert one["deals"] != other["deals"]
    assert one["by_hand"] == {"priced and dealt": 4, "met the client's limit": 1, "rejected": 1, "booked on behalf": 2}
    for told in (one, again, other):
        assert told["by_hand"] == one["by_hand"]
        assert told["verify"]["passed"] == told["verify"]["lines"]
        assert told["refused"]["credit_exceeded"] > 0
        assert told["webhooks"] == told["events"]["acme"], "it was made before the first event"
        assert told["settlement"]["returned and paid again"] == told["settlement"]["returned to an unknown sender"] == 1
    statements = list(tmp_path.glob("one/reports/*/statement_*.csv"))
    assert statements and all("\nAUDIT_CHAIN," in each.read_text() for each in statements), "each names the head of the chain"
    assert len(list(tmp_path.glob("one/anchors/*.jws"))) == 1


def test_a_corrupt_price_file_is_refused_with_its_line(tmp_path: Path) -> None:
    bad = tmp_path / "bars.csv"
    bad.write_text("timestamp,open,high,low,close,volume\n2022-01-03 00:00:00,1,2,0.5,1,1\n2022-01-03 00:01:00,1,2,x,1,1\n")
    env = os.environ | {"VAR_DIR": str(tmp_path / "v")}
    for name in ("DATABASE_URL", "VALKEY_URL", "EMBED_DATABASE"):
        env.pop(name, None)
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "demo", "--prices", str(bad)],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "bars.csv" in done.stderr
    assert "line 3" in done.stderr
    assert "Traceback" not in done.stderr
