"""Files of fills that no venue writes: refused by line, and nothing is booked."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.core import db
from apps.trades.errors import BadFill
from apps.workflows.import_fills import COLUMNS, read_fills

HEAD = ",".join(COLUMNS) + "\n"


@pytest.mark.parametrize(
    "line",
    [
        "northgate,e1,BTC-USD,buy,1,50000,0,0001-01-01T00:00:00+14:00",
        "northgate,e1,BTC-USD,buy,1,50000,0,9999-12-31T23:59:59Z",
        "northgate,e\0,BTC-USD,buy,1,50000,0,2026-11-20T00:00:00Z",
        "north\0gate,e1,BTC-USD,buy,1,50000,0,2026-11-20T00:00:00Z",
    ],
)
def test_a_line_no_calendar_or_text_can_hold_is_named(line: str) -> None:
    with pytest.raises(BadFill, match="line 2"):
        list(read_fills(HEAD + line + "\n"))


@pytest.mark.django_db(transaction=True)
def test_a_file_without_end_is_not_read_to_its_end() -> None:
    with pytest.raises(CommandError, match="longer than"):
        call_command("import_fills", "/dev/zero")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("figures", ["99999999999999999999,99999999999999999999,0", "1,50000,99999999999999999999"])
def test_an_amount_past_what_the_ledger_holds_is_refused(tmp_path: Path, figures: str) -> None:
    call_command("seed_demo")
    file = tmp_path / "fills.csv"
    file.write_text(f"{HEAD}northgate,e1,BTC-USD,buy,{figures},2026-11-20T00:00:00Z\n")
    with pytest.raises(CommandError, match="line 2, quantity"):
        call_command("import_fills", str(file))
    assert db.one("SELECT count(*) FROM trades_trade") == (0,)
