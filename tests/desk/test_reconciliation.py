"""Reconciliation and the close on the desk: a break from its page to its write-off, a day from open to closed and asked back."""

import uuid
from datetime import UTC, date, datetime
from typing import Any

import pytest

from apps.approvals.models import Approval
from apps.close.models import Break, BusinessDay
from apps.core import clock
from apps.jobs import close as close_jobs
from apps.jobs import settlement as jobs
from apps.settlement.rails import outside
from apps.users.models import User
from tests import world
from tests.close import world as days
from tests.desk.forms import send
from tests.desk.test_pages import statements
from tests.settlement import world as house

pytestmark = pytest.mark.django_db(transaction=True)
TUESDAY = date(2026, 9, 15)


def test_a_break_is_worked_on_and_the_day_is_closed_on_the_page(enter: Any, staff: dict[str, User]) -> None:
    house.open_house("USD")
    jobs.poll_rails()
    place = house.place("USD")
    outside.change(place, lambda doc: outside.add(doc, at=world.NOON, kind="PAYMENT", amount="-12", remittance="who knows"))
    jobs.poll_rails()
    close_jobs.run_close()
    clock.freeze_desk(datetime(2026, 9, 15, 21, 30, tzinfo=UTC))
    jobs.poll_rails()
    days.approve_marks(TUESDAY)
    olga = enter("olga")
    page = olga.get("/desk/reconciliation/").content.decode()
    assert "not in ledger" in page.lower() and "keeps the day open" in page and "nobody" in page
    assert statements(olga, "/desk/reconciliation/") <= 25
    assert send(olga, "reconciliation/run/", date="2026-09-01") == 404  # never opened: it would keep every later day open
    assert send(olga, "reconciliation/run/", date="2026-09-15") == 302
    assert set(BusinessDay.objects.values_list("date", flat=True)) == {TUESDAY}
    line = Break.objects.get(kind="NOT_IN_LEDGER")
    assert send(olga, f"reconciliation/{line.id}/", act="explain", text="the bank asks") == 403  # nobody has it yet
    assert send(olga, f"reconciliation/{line.id}/", act="take") == 302
    assert send(olga, f"reconciliation/{line.id}/", act="explain", text="") == 422
    assert send(olga, f"reconciliation/{line.id}/", act="explain", text="the bank asks") == 302
    assert send(olga, f"reconciliation/{line.id}/write-off/", reason="small") == 302
    asked = Approval.objects.get(kind="break_write_off")
    fay = enter("fay")
    assert "the bank asks" in fay.get("/desk/reconciliation/").content.decode()
    assert fay.post(f"/desk/approvals/{asked.id}/decide/", {"once": str(uuid.uuid4()), "decision": "approve"}).status_code == 302
    assert send(enter("olga"), "close/day/", date="2026-09-15", act="start") == 302
    # The write-off posted on Wednesday: on Tuesday the line is still late, which both sides know by now.
    page = enter("fay").get("/desk/close/?date=2026-09-15").content.decode()
    assert "Close the day" in page
    assert page.count("</span>proven") >= 9
    assert send(enter("fay"), "close/day/", date="2026-09-15", act="close") == 302
    assert BusinessDay.objects.get(date=TUESDAY).status == "CLOSED"
    assert send(enter("fay"), "close/day/", date="2026-09-15", act="reopen", reason="a late hedge") == 302
    assert send(enter("fay"), "close/month/", month="2026-09", to="LOCKED", reason="x") == 422  # it is not over
    for month in ("9999-12", "0001-01", "2026-13", ""):
        assert send(enter("fay"), "close/month/", month=month, to="LOCKED", reason="x") == 422
    assert send(enter("fay"), "close/day/", date="2026-09-15", act="sing") == 422
    assert set(Approval.objects.values_list("kind", flat=True)) == {"marks", "break_write_off", "day_reopen"}
    assert "effective_date,posted_on" in enter("audrey").get("/desk/close/adjustments.csv").content.decode()
    assert enter("tara").get("/desk/close/").status_code == enter("sam").get("/desk/reconciliation/").status_code == 403
