"""A day is reopened while its month is being locked: one waits for the other, and no locked month has an open day in it."""

import threading
import time
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import IntegrityError

from apps.approvals.models import Approval
from apps.close.models import BusinessDay, Month
from apps.close.operations import days as operations
from apps.close.operations import months
from apps.close.states import MonthStatus
from apps.core import db
from apps.events import operations as events
from apps.jobs import settlement as jobs
from apps.workflows.decide_approval import decide_approval
from apps.workflows.reopen import ask_month, ask_reopening
from tests.close import world as days
from tests.deals import person
from tests.settlement import world as here
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)
TUESDAY = date(2026, 9, 15)


class Meeting:
    """The first has done its part and holds its locks until the other waits for one of them, or has ended without waiting."""

    def __init__(self) -> None:
        self.first_is_in, self.other_ended = threading.Event(), threading.Event()

    def hold(self) -> None:
        self.first_is_in.set()
        for _ in range(3_000):
            if self.other_ended.is_set() or db.one("SELECT count(*) FROM pg_locks WHERE NOT granted") != (0,):
                return
            time.sleep(0.02)
        raise AssertionError("the other neither waits nor ends")


@pytest.mark.parametrize("by_walls_alone", [False, True])
@pytest.mark.parametrize("first", ["reopen", "lock"])
def test_no_locked_month_has_an_open_day(first: str, by_walls_alone: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    here.open_house("USD")
    jobs.poll_rails()
    days.close(TUESDAY)
    here.at(datetime(2026, 10, 1, 12, tzinfo=UTC))
    fay, entity_id = person("fay", "finance"), days.entity_id()
    asked = {
        "reopen": ask_reopening(actor=fay, entity_id=entity_id, on=TUESDAY, reason="a late hedge"),
        "lock": ask_month(actor=fay, entity_id=entity_id, month=TUESDAY, to=MonthStatus.LOCKED, reason="handed over"),
    }
    finn, meeting = person("finn", "finance"), Meeting()

    def record(kind: str, **told: Any) -> None:
        events.record(kind, **told)
        if kind == {"reopen": "day.reopened", "lock": "month.locked"}[first]:
            meeting.hold()

    for module in (operations, months):
        monkeypatch.setattr(module, "events", SimpleNamespace(record=record))
    if by_walls_alone:  # as code would that forgets the month
        open_month = SimpleNamespace(status=MonthStatus.OPEN)
        careless = SimpleNamespace(lock_day_by_id=operations.queries.lock_day_by_id, lock_month=lambda *_: open_month)
        monkeypatch.setattr(operations, "queries", careless)

    def decide(number: int) -> Approval:
        order = [first, *(asked.keys() - {first})]
        if number == 1:
            assert meeting.first_is_in.wait(60)
        try:
            return decide_approval(approval_id=asked[order[number]].id, actor=finn, approve=True)
        finally:
            if number == 1:
                meeting.other_ended.set()

    one, other = together(2, decide)
    assert one.status == "EXECUTED"
    if by_walls_alone and first == "lock":
        assert isinstance(other, IntegrityError)
        assert other.__cause__.diag.constraint_name == "close_month_is_locked"  # type: ignore[union-attr]
    else:
        assert other.status == "FAILED"
    assert (BusinessDay.objects.get().status, Month.objects.get().status) == (
        ("OPEN", "OPEN") if first == "reopen" else ("CLOSED", "LOCKED")
    )
