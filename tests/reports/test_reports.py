"""Reports of a business date: exactly once, with the right figures, in files that open anywhere."""

import csv
import hashlib
import os
import shutil
import subprocess
import threading
from datetime import date
from decimal import Decimal as D
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection

from apps.core import clock, db
from apps.jobs import reports as jobs
from apps.reports.errors import NotCorrectable
from apps.reports.models import DocumentCounter, ReportRun
from apps.reports.rendering import csvfile, fonts
from apps.workflows.open_day import open_day
from apps.workflows.run_report import correct_report, make_reports_due, run_report, start_report
from tests.reports import desk
from tests.reports.desk import EVENING, TODAY

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def folder(settings, tmp_path: Path) -> Path:
    settings.REPORTS_DIR = tmp_path / "reports"
    return settings.REPORTS_DIR


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def text_of(path: Path) -> str:
    """What a PDF says, by poppler's pdftotext."""
    if shutil.which("pdftotext") is None:
        if os.environ.get("CI"):
            pytest.fail("pdftotext (poppler-utils) is not installed")
        pytest.skip("pdftotext (poppler-utils) is not installed")
    return subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True).stdout


def test_every_report_of_a_date_is_run_once_with_its_files(folder: Path) -> None:
    desk.busy()
    clock.freeze_desk(EVENING)
    assert jobs.run_date(TODAY) == 4
    assert jobs.run_date(TODAY) == 0
    runs = {(run.report, run.scope): run for run in ReportRun.objects.all()}
    assert set(runs) == {("blotter", "flowdesk"), ("position", "flowdesk"), ("statement", "acme-main"), ("statement", "cygnus-main")}
    for run in runs.values():
        assert (run.status, run.version, run.error) == ("DONE", 1, "")
        assert {file["format"] for file in run.files} == {"csv", "pdf"}
        for file in run.files:
            data = (folder / file["name"]).read_bytes()
            assert (file["sha256"], file["bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert runs["statement", "acme-main"].number == "acme-000001"
    assert runs["statement", "cygnus-main"].number == "cygnus-000001"


def test_eight_threads_make_and_run_each_report_exactly_once(folder: Path) -> None:
    desk.busy()
    clock.freeze_desk(EVENING)
    ended: list[int] = []
    start = threading.Barrier(8)

    def work() -> None:
        try:
            start.wait()
            ended.append(jobs.run_date(TODAY))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ended) == 8
    assert sum(ended) == 4
    assert ReportRun.objects.filter(status="DONE").count() == ReportRun.objects.count() == 4
    assert sorted(DocumentCounter.objects.values_list("scope", "last")) == [("acme", 1), ("cygnus", 1)]


def test_statement_of_a_credit_client_by_hand(folder: Path) -> None:
    d = desk.build()
    desk.deal(d.acme, "a1")  # buys 2 BTC
    desk.deal(d.acme, "a2", desk.Side.SELL, "0.5")
    buy, sell = (t.versions.get() for t in desk.Trade.objects.order_by("booked_at", "id"))
    clock.freeze_desk(EVENING)
    jobs.run_date(TODAY)
    found = rows(folder / "2026-09-15/statement_acme-main_v1.csv")
    assert [r["record"] for r in found] == ["DEAL", "DEAL"] + ["OPENING", "MOVEMENT", "MOVEMENT", "CLOSING"] * 2 + ["OPEN_OBLIGATION"] * 4
    bitcoin = [r for r in found if r["asset"] == "BTC" and r["record"] != "OPEN_OBLIGATION"]
    assert [(r["amount"], r["balance"]) for r in bitcoin] == [("", "0"), ("2", "2"), ("-0.5", "1.5"), ("", "1.5")]
    dollars = [r for r in found if r["asset"] == "USD" and r["record"] != "OPEN_OBLIGATION"]
    assert [(r["amount"], r["balance"]) for r in dollars][1:3] == [
        (f"-{buy.pays.normalize():f}", f"-{buy.pays.normalize():f}"),
        (f"{sell.receives.normalize():f}", f"{(sell.receives - buy.pays).normalize():f}"),
    ]
    assert D(dollars[-1]["balance"]) == sell.receives - buy.pays
    said = text_of(folder / "2026-09-15/statement_acme-main_v1.pdf")
    for words in (
        "Account statement",
        "Acme Capital",
        "acme-000001",
        "15 September 2026",
        "Page 1 of",
        "Generated 15 September 2026, 21:30:00 UTC",
    ):
        assert words in said
    assert f"{buy.pays:,.2f} USD" in said
    assert "LEI FLOWDESKDEMO00000144" in said


def test_statement_of_the_next_day_opens_where_the_last_one_closed(folder: Path) -> None:
    d = desk.build()
    desk.deal(d.cygnus, "c1", quantity="1.25")
    jobs.run_date(TODAY)
    jobs.run_date(date(2026, 9, 16))
    first, second = (rows(folder / f"2026-09-{day}/statement_cygnus-main_v1.csv") for day in (15, 16))
    closing = {r["asset"]: r["balance"] for r in first if r["record"] == "CLOSING"}
    assert closing["BTC"] == "1.25"
    assert closing == {r["asset"]: r["balance"] for r in second if r["record"] == "OPENING"}
    assert [r["balance"] for r in first if r["record"] == "OPENING" and r["asset"] == "USD"] == ["250000"]
    numbers = ReportRun.objects.filter(report="statement", scope="cygnus-main").order_by("business_date").values_list("number", flat=True)
    assert list(numbers) == ["cygnus-000001", "cygnus-000002"]


def test_position_values_what_is_open_at_approved_marks(folder: Path) -> None:
    desk.busy()
    jobs.run_date(TODAY)
    found = {r["asset"]: r for r in rows(folder / "2026-09-15/position_flowdesk_v1.csv")}
    assert (found["BTC"]["client_deals"], found["BTC"]["hedges"], found["BTC"]["closing"]) == ("-2.75", "1", "-1.75")
    assert found["BTC"]["have"] == found["BTC"]["closing"]
    assert D(found["BTC"]["value"]) == D("-1.75") * 20100
    assert D(found["USD"]["other"]) == -10  # the venue's fee
    total = sum(D(found[asset]["closing"]) * mark for asset, mark in {**desk.MIDS, "USD": D(1)}.items() if asset in found)
    assert D(found["TOTAL"]["value"]) == total
    said = text_of(folder / "2026-09-15/position_flowdesk_v1.pdf")
    assert "holds" in said
    assert "BROKEN" not in said


def test_position_without_approved_marks_fails_says_so_and_runs_once_they_are(folder: Path) -> None:
    d = desk.build()
    desk.deal(d.acme, "a1")
    jobs.run_date(TODAY)
    run = ReportRun.objects.get(report="position")
    assert (run.status, run.error) == ("FAILED", "marks_not_approved: 2026-09-15 has no approved marks")
    assert not list(folder.glob("*/position*"))
    _, asked = desk.propose_marks(actor=d.fay, entity_id=d.entity_id, business_date=TODAY, mids=desk.MIDS, source="composite")
    desk.decide(approval_id=asked.id, checker=d.finn)
    assert jobs.run_date(TODAY) == 1
    run.refresh_from_db()
    assert (run.status, run.error) == ("DONE", "")


def test_run_of_a_lost_worker_is_taken_over_under_the_same_number(folder: Path, monkeypatch) -> None:
    desk.build()
    make_reports_due(business_date=TODAY)
    run = ReportRun.objects.get(scope="acme-main")
    lost = start_report(run_id=run.id)
    assert lost is not None
    assert run_report(run.id) is None  # its lease stands
    later = clock.wall_now() + desk.timedelta(minutes=11)
    monkeypatch.setattr(clock, "wall_now", lambda: later)
    done = run_report(run.id)
    assert done is not None
    assert (done.status, done.number) == ("DONE", lost.number)


def test_correction_is_a_next_version_and_only_of_what_was_issued(folder: Path) -> None:
    desk.build()
    with pytest.raises(NotCorrectable):
        correct_report(report="blotter", scope="flowdesk", business_date=TODAY)
    jobs.run_date(TODAY)
    correct_report(report="statement", scope="acme-main", business_date=TODAY)
    jobs.run_date(TODAY)
    assert list(ReportRun.objects.filter(scope="acme-main").order_by("version").values_list("version", "status", "number")) == [
        (1, "DONE", "acme-000001"),
        (2, "DONE", "acme-000002"),
    ]
    assert (folder / "2026-09-15/statement_acme-main_v1.pdf").exists()
    assert (folder / "2026-09-15/statement_acme-main_v2.pdf").exists()


@pytest.mark.parametrize("change", ["files = '[]'", "number = 'x'", "done_at = NULL"])
def test_raw_sql_cannot_change_what_was_issued(folder: Path, change: str) -> None:
    desk.busy()
    clock.freeze_desk(EVENING)
    assert jobs.run_date(TODAY) == 4
    with pytest.raises(IntegrityError) as no:
        db.run(f"UPDATE reports_reportrun SET {change} WHERE status = 'DONE'")
    assert no.value.__cause__.diag.constraint_name == "reports_issued"  # type: ignore[union-attr]


def test_same_rows_and_time_make_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    from apps.core import db
    from apps.reports import operations as reports

    desk.busy()
    jobs.run_date(TODAY)
    for run in ReportRun.objects.all():
        with db.snapshot():
            assert reports.write(run, tmp_path / "again") == run.files


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+SUM(A1)", "-2+3", "@cmd", "\t1", "\r1", "\n1", '=HYPERLINK("http://x")', "\uff1d1+1", "\uff20x", "-1e3", "+1.", "-"],
)
def test_formula_is_told_as_text(cell: str) -> None:
    assert csvfile.safe(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["-12.5", "+3", "0", "acme", "", "2026-09-15", "a=b"])
def test_number_or_word_stays_as_it_is(cell: str) -> None:
    assert csvfile.safe(cell) == cell


def test_client_order_id_with_a_formula_reaches_the_blotter_as_text(folder: Path) -> None:
    d = desk.build()
    desk.deal(d.acme, "=cmd|'/C calc'!A0")
    jobs.run_date(TODAY)
    [row] = rows(folder / "2026-09-15/blotter_flowdesk_v1.csv")
    assert row["reference"] == "'=cmd|'/C calc'!A0"


def test_what_a_typeface_cannot_draw_is_spelled_in_letters_it_has() -> None:
    def latin(char: str) -> bool:
        return ord(char) < 256

    assert fonts.spell(latin, "Łódź Šafář – 5 € Ω 東") == "Lódz Safár - 5 EUR ? ?"


def test_csv_is_written_a_row_at_a_time() -> None:
    drawn: list[int] = []

    def endless():
        for n in range(10**9):
            drawn.append(n)
            yield (str(n),)

    lines = csvfile.encode(("n",), endless())
    assert [next(lines) for _ in range(3)] == [b"n\r\n", b"0\r\n", b"1\r\n"]
    assert len(drawn) == 2


def test_run_reports_tells_files_and_fails_when_a_report_does(folder: Path, capsys) -> None:
    d = desk.build()
    desk.deal(d.acme, "a1")
    clock.freeze_desk(EVENING)
    with pytest.raises(SystemExit) as no:
        call_command("run_reports", "--date", "2026-09-15")
    assert no.value.code == 1
    told = capsys.readouterr().out
    assert "FAILED  position" in told
    assert str(folder / "2026-09-15/blotter_flowdesk_v1.pdf") in told


def test_run_reports_refuses_what_is_no_date() -> None:
    with pytest.raises(CommandError, match="2026-13-01: not a date"):
        call_command("run_reports", "--date", "2026-13-01")


def test_run_reports_numbers_no_statement_of_a_day_that_is_not_over_or_never_was(folder: Path) -> None:
    d = desk.build()
    open_day(entity_id=d.entity_id, on=TODAY)
    for day, told in (("2026-09-15", "not over"), ("9999-12-31", "not over"), ("2025-09-15", "the first business date")):
        with pytest.raises(CommandError, match=told):
            call_command("run_reports", "--date", day)
    assert not ReportRun.objects.exists()
    clock.freeze_desk(EVENING)
    desk.deal(d.acme, "a1")
    with pytest.raises(SystemExit):  # the marks are not approved
        call_command("run_reports", "--date", "2026-09-15")
    assert ReportRun.objects.get(scope="acme-main").number == "acme-000001"
