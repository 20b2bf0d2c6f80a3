"""Invoices: a month's fees and adjustments, numbered without gaps, once; the client's own alone over REST."""

import csv
from datetime import UTC, date, datetime
from decimal import Decimal as D
from pathlib import Path

import pytest

from apps.core import clock, db
from apps.jobs import reports as jobs
from apps.reports.models import ReportRun
from apps.reports.queries import invoices, runs
from apps.rfqs.states import Side
from apps.workflows.adjust import Wanted, ask_adjustment, ask_reversal
from apps.workflows.decide_approval import decide_approval
from apps.workflows.run_report import correct_report, make_invoices_due, run_report
from tests import world
from tests.people import staff
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
SEPTEMBER, AUGUST = date(2026, 9, 30), date(2026, 8, 31)
THIRD = datetime(2026, 10, 3, 9, 0, tzinfo=UTC)


def adjust(code: str, kind: str, direction: str, amount: str, reason: str):  # type: ignore[no-untyped-def]
    wanted = Wanted(kind, direction, "USD", D(amount), date(2026, 9, 16), reason)
    made, asked = ask_adjustment(actor=staff("olga", "operations"), account_code=code, wanted=wanted)
    assert decide_approval(approval_id=asked.id, actor=staff("fay", "finance"), approve=True).status == "EXECUTED"
    return made


def test_a_month_is_invoiced_once_to_who_was_charged(settings, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    settings.REPORTS_DIR = tmp_path / "reports"
    here.open_house("USD", "BTC")
    acme, _ = world.firm("acme", fee_bps=D(2), fee_mode="ADDED"), world.firm("borealis")
    deal = here.deal(acme, Side.BUY, "1")
    (fee,) = db.one("SELECT fee FROM trades_tradeversion WHERE trade_id = %s", (deal.id,))
    assert fee > 0 and here.balances()["FEE_INCOME USD"] == -fee
    adjust("acme-main", "REBATE", "PAY", "1.50", "September's volume")
    wrong = adjust("acme-main", "CHARGE", "RECEIVE", "9", "a wire")
    asked = ask_reversal(actor=staff("olga", "operations"), adjustment_id=wrong.id, reason="not theirs")
    assert decide_approval(approval_id=asked.id, actor=staff("fay", "finance"), approve=True).status == "EXECUTED"

    assert make_invoices_due(month_end=SEPTEMBER) == 0, "the month has not passed"
    clock.freeze_desk(THIRD)
    assert jobs.make_due() == 1
    assert (jobs.make_due(), make_invoices_due(month_end=SEPTEMBER), make_invoices_due(month_end=AUGUST)) == (0, 0, 0)
    assert jobs.run_invoices(SEPTEMBER) == 1
    run = ReportRun.objects.get(report="invoice")
    assert (run.scope, run.status, run.number, run.error) == ("acme-main", "DONE", "acme-000001", "")
    files = {one["format"]: settings.REPORTS_DIR / one["name"] for one in run.files}
    with files["csv"].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted((one["kind"], D(one["amount"])) for one in rows) == sorted([
        ("CHARGE", D(9)), ("CHARGE", D(-9)), ("FEE", fee), ("REBATE", D("-1.5")), ("TOTAL", fee - D("1.5")),
    ])  # fmt: skip
    assert {one["invoice"] for one in rows} == {"acme-000001"}
    assert files["pdf"].read_bytes().startswith(b"%PDF")
    again = correct_report(report="invoice", scope="acme-main", business_date=SEPTEMBER)
    assert run_report(again.id).number == "acme-000002"
    assert [one.report for one in runs.visible_to(["acme-main"])] == ["invoice", "invoice"]
    assert not runs.visible_to(["borealis-main"]).exists()
    assert invoices.list_invoiced(AUGUST) == []
