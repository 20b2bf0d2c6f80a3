"""The ledger as a journal, proven by hledger itself."""

import csv
import io
import os
import re
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.core import clock, db
from apps.core.unit import use_case
from apps.ledger import operations as ledger
from apps.ledger.rules import Ref, credit, debit
from apps.ledger.states import Kind
from tests import world
from tests.reports import desk

pytestmark = pytest.mark.django_db(transaction=True)


def hledger(*words: str) -> "subprocess.CompletedProcess[str]":
    if shutil.which("hledger") is None:
        if os.environ.get("CI"):
            pytest.fail("hledger is not installed")
        pytest.skip("hledger is not installed")
    return subprocess.run(["hledger", *words], capture_output=True, text=True, check=False, env={**os.environ, "LANG": "C.UTF-8"})


def export(tmp_path: Path, *more: str) -> Path:
    out = tmp_path / "flowdesk.journal"
    call_command("export_journal", "--format", "hledger", "--out", str(out), *more)
    return out


@use_case
def move(*, at, on: date, amount: int, key: str, narrative: str = "", now) -> None:
    entity = desk.instruments.get_entity("flowdesk").id
    lines = [
        debit(Ref(entity, Kind.NOSTRO, "USD", owner_id=NOSTRO), desk.D(amount)),
        credit(Ref(entity, Kind.CAPITAL, "USD"), desk.D(amount)),
    ]
    ledger.post(
        key=key, kind="CAPITAL", source_type="nostro", source_id=NOSTRO, lines=lines, effective_at=at, business_date=on, narrative=narrative
    )


NOSTRO = desk.uuid()


def test_hledger_accepts_the_journal_of_a_busy_desk(tmp_path: Path) -> None:
    desk.busy()
    out = export(tmp_path)
    checked = hledger("-f", str(out), "check", "--strict", "ordereddates")
    assert (checked.returncode, checked.stderr) == (0, "")
    told = hledger("-f", str(out), "balance", "-N", "--flat", "--output-format", "csv").stdout
    balances = {row["account"]: row["balance"] for row in csv.DictReader(io.StringIO(told))}
    for kind, asset, amount in db.run("SELECT kind, asset_code, amount FROM ledger_ledgeraccount WHERE book_id IS NOT NULL"):
        figure, unit = balances[f"{kind}:main:{asset}"].split()
        assert (desk.D(figure), unit) == (amount, asset)


def test_every_posting_asserts_its_balance_and_every_account_its_last(tmp_path: Path) -> None:
    desk.busy()
    text = export(tmp_path).read_text()
    [(lines, accounts)] = db.run("SELECT (SELECT count(*) FROM ledger_ledgerline), (SELECT count(*) FROM ledger_ledgeraccount)")
    assert len(re.findall(r"^    \S.*  \S+ \S+ = \S+ \S+$", text, re.MULTILINE)) == lines + accounts


def test_hledger_refuses_a_journal_with_one_amount_changed(tmp_path: Path) -> None:
    desk.busy()
    out = export(tmp_path)
    text = out.read_text()
    fee = next(line for line in text.splitlines() if line.startswith("    COST:"))
    out.write_text(text.replace(fee, fee.replace(" 10.00 USD =", " 10.01 USD =")))
    assert hledger("-f", str(out), "check").returncode != 0


def test_posting_recorded_late_for_an_earlier_date_keeps_the_journal_true(tmp_path: Path) -> None:
    clock.freeze_desk(world.NOON)
    for key, on, amount in (
        ("one", date(2026, 9, 14), 5),
        ("two", date(2026, 9, 16), 7),
        ("late", date(2026, 9, 15), 11),
        ("four", date(2026, 9, 16), 13),
    ):
        move(at=world.NOON, on=on, amount=amount, key=key)
    out = export(tmp_path)
    assert hledger("-f", str(out), "check", "--strict", "ordereddates").returncode == 0
    text = out.read_text()
    assert "  5.00 USD = 5.00 USD" in text
    assert re.search(r"  11\.00 USD$", text, re.MULTILINE)  # its running balance was written after the 7: not true at its date
    assert "  13.00 USD = 36.00 USD" in text  # here both orders meet again
    assert "  0.00 USD = 36.00 USD" in text


def test_until_leaves_out_what_came_later(tmp_path: Path) -> None:
    clock.freeze_desk(world.NOON)
    for key, on in (("one", date(2026, 9, 14)), ("two", date(2026, 9, 15))):
        move(at=world.NOON, on=on, amount=5, key=key)
    out = export(tmp_path, "--until", "2026-09-14")
    text = out.read_text()
    assert "(one)" in text
    assert "(two)" not in text
    assert hledger("-f", str(out), "check", "--strict").returncode == 0


def test_words_of_a_narrative_cannot_break_the_journal(tmp_path: Path) -> None:
    clock.freeze_desk(world.NOON)
    move(at=world.NOON, on=date(2026, 9, 15), amount=5, key="odd (key) ; x", narrative="; a\n2020-01-01 * forged\n    x  1 USD | y")
    out = export(tmp_path)
    assert hledger("-f", str(out), "check", "--strict").returncode == 0
    assert hledger("-f", str(out), "print", "date:2020").stdout.strip() == ""
    assert not re.search(r"^2020", out.read_text(), re.MULTILINE)


def test_empty_ledger_is_a_journal_too(tmp_path: Path) -> None:
    assert hledger("-f", str(export(tmp_path)), "check", "--strict").returncode == 0


def test_prices_of_approved_marks_value_the_journal(tmp_path: Path) -> None:
    desk.busy()
    assert "P 2026-09-15 BTC 20100 USD" in export(tmp_path).read_text()


def test_unknown_format_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--format beancount: one of hledger") as no:
        call_command("export_journal", "--format", "beancount", "--out", str(tmp_path / "x"))
    assert no.value.returncode == 2


def test_file_that_cannot_be_written_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    for out in (tmp_path / "file" / "x.journal", tmp_path):
        with pytest.raises(CommandError, match="--out") as no:
            call_command("export_journal", "--out", str(out))
        assert no.value.returncode == 1
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_failure_half_way_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from apps.reports.queries import journal

    out = export(tmp_path)
    before = out.read_bytes()
    desk.busy()

    def breaks(_until: object) -> object:
        raise RuntimeError("half way")

    monkeypatch.setattr(journal, "list_prices", breaks)
    with pytest.raises(RuntimeError):
        export(tmp_path)
    assert out.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [out.name]
