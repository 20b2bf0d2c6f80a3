"""Days are reopened and months locked by two of the right roles, for a reason, and not while something speaks against it."""

from datetime import UTC, date, datetime

import pytest
from django.db import IntegrityError

from apps.close.errors import EarlierDayOpen, MonthIsLocked, MonthNotReady, ReasonMissing
from apps.close.models import BusinessDay, Month, MonthMove, Reopening
from apps.close.states import MONTH, MonthStatus
from apps.core import db
from apps.core.errors import IllegalMove
from apps.jobs import settlement as jobs
from apps.users.errors import RoleMissing
from apps.workflows.close_day import close_day, start_close
from apps.workflows.open_day import open_day
from apps.workflows.reopen import ask_month, ask_reopening
from tests.close import world as days
from tests.deals import person
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
TUESDAY, SEPTEMBER = date(2026, 9, 15), date(2026, 9, 1)


@pytest.fixture
def closed() -> BusinessDay:
    here.open_house("USD")
    jobs.poll_rails()
    days.close(TUESDAY)
    return BusinessDay.objects.get()


def test_a_closed_day_is_reopened_by_two_and_closed_again(closed: BusinessDay) -> None:
    fay = person("fay", "finance")
    for who, why, refusal in ((person("olga", "operations"), "late hedge", RoleMissing), (fay, " ", ReasonMissing)):
        with pytest.raises(refusal):
            ask_reopening(actor=who, entity_id=closed.entity_id, on=TUESDAY, reason=why)
    assert days.reopen(TUESDAY).status == "EXECUTED"
    again = BusinessDay.objects.get()
    assert (again.status, again.started_by, again.closed_by, again.closed_at) == ("OPEN", None, None, None)
    kept = Reopening.objects.get()
    assert (kept.closed_at, kept.reason, kept.asked_by) == (closed.closed_at, "a hedge was booked with another LP", fay.id)
    assert db.run("SELECT * FROM ledger_closedday") == []
    with pytest.raises(IllegalMove):
        days.reopen(TUESDAY)
    open_day(entity_id=closed.entity_id, on=date(2026, 9, 16))
    here.at(datetime(2026, 9, 16, 22, tzinfo=UTC))
    with pytest.raises(EarlierDayOpen) as early:  # days close in their order
        start_close(actor=person("olga", "operations"), entity_id=closed.entity_id, on=date(2026, 9, 16))
    assert early.value.extra == {"date": "2026-09-15"}
    days.close(TUESDAY)
    assert db.one("SELECT count(*) FROM ledger_closedday") == (1,)
    with pytest.raises(IntegrityError) as no:  # the earlier reopening stands for the earlier closing alone
        db.run("UPDATE close_businessday SET status = 'OPEN', closed_by = NULL, closed_at = NULL")
    assert no.value.__cause__.diag.constraint_name == "close_reopened_by_two"  # type: ignore[union-attr]


def test_a_close_does_not_end_over_an_earlier_day_that_was_opened_meanwhile(closed: BusinessDay) -> None:
    wednesday = date(2026, 9, 16)
    open_day(entity_id=closed.entity_id, on=wednesday)
    here.at(datetime(2026, 9, 16, 22, tzinfo=UTC))
    jobs.poll_rails()
    days.approve_marks(wednesday)
    start_close(actor=person("olga", "operations"), entity_id=closed.entity_id, on=wednesday)
    days.reopen(TUESDAY)
    with pytest.raises(EarlierDayOpen):
        close_day(actor=person("finn", "finance"), entity_id=closed.entity_id, on=wednesday)
    assert BusinessDay.objects.get(date=wednesday).status == "CLOSING"
    days.close(TUESDAY)
    assert close_day(actor=person("finn", "finance"), entity_id=closed.entity_id, on=wednesday).status == "CLOSED"


def test_a_month_is_locked_when_it_is_over_and_its_days_are_closed(closed: BusinessDay) -> None:
    fay, entity = person("fay", "finance"), closed.entity_id
    with pytest.raises(MonthNotReady):
        ask_month(actor=fay, entity_id=entity, month=TUESDAY, to=MonthStatus.LOCKED, reason="handed over")  # it is not over
    here.at(datetime(2026, 10, 1, 12, tzinfo=UTC))
    with pytest.raises(RoleMissing):
        ask_month(actor=person("rita", "risk"), entity_id=entity, month=TUESDAY, to=MonthStatus.LOCKED, reason="x")
    with pytest.raises(IllegalMove):
        ask_month(actor=fay, entity_id=entity, month=TUESDAY, to=MonthStatus.OPEN, reason="x")
    open_day(entity_id=entity, on=date(2026, 9, 30))
    with pytest.raises(MonthNotReady) as no:
        ask_month(actor=fay, entity_id=entity, month=TUESDAY, to=MonthStatus.LOCKED, reason="handed over")
    assert no.value.extra["days"] == ["2026-09-30"]
    days.close(date(2026, 9, 30))
    assert days.move_month(SEPTEMBER).status == "EXECUTED"
    assert db.one("SELECT count(*) FROM ledger_closedday") == (30,)
    with pytest.raises(MonthIsLocked):
        ask_reopening(actor=fay, entity_id=entity, on=TUESDAY, reason="late hedge")
    month = Month.objects.get()
    assert {(str(a), str(b)) for a in MonthStatus for b in MonthStatus if MONTH.allows(a, b)} == {("OPEN", "LOCKED"), ("LOCKED", "OPEN")}
    for sql, wall in (
        ("UPDATE close_month SET status = 'OPEN', number = number + 1", "close_month_by_two"),
        ("UPDATE close_month SET first = first + 1", "close_month_frozen"),
    ):
        with pytest.raises(IntegrityError) as broken:
            db.run(sql)
        assert broken.value.__cause__.diag.constraint_name == wall  # type: ignore[union-attr]
    move = MonthMove.objects.get()
    with pytest.raises(IntegrityError) as hands:
        db.run(
            "INSERT INTO close_monthmove (id, month_id, number, status, reason, asked_by, granted_by) "
            "VALUES (gen_random_uuid(), %s, 2, 'OPEN', 'x', %s, %s)",
            (month.id, move.asked_by, move.asked_by),
        )
    assert hands.value.__cause__.diag.constraint_name == "monthmove_four_eyes"  # type: ignore[union-attr]
    assert days.move_month(SEPTEMBER, "OPEN", "an accrual").status == "EXECUTED"
    assert [str(row[0]) for row in db.run("SELECT date FROM ledger_closedday ORDER BY date")] == ["2026-09-15", "2026-09-30"]
