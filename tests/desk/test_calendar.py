"""The calendar's page: operations ask for a day, another one answers, and the page shows what is in force and what is left to people."""

import uuid
from typing import Any

import pytest

from apps.approvals.models import Approval
from apps.instruments.models import CalendarChange
from apps.workflows.decide_approval import decide_approval
from tests.desk.day import Day
from tests.people import staff

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/desk/calendar/"


def test_a_day_is_closed_by_two_and_a_bad_entry_asks_for_nothing(enter: Any, day: Day) -> None:
    given = {"what": "USD", "day": "2027-03-04", "to": "closed", "reason": "a day of <mourning>"}
    for wrong in ({"what": "BTC"}, {"day": "2020-01-01"}, {"day": "x"}, {"to": "25:00"}, {"to": "12:00Z"}, {"reason": ""}, {"what": ""}):
        answer = enter("olga").post(f"{PAGE}ask/", given | wrong | {"once": str(uuid.uuid4())})
        assert answer.status_code == 422, (wrong, answer.status_code)
    assert enter("tara").post(f"{PAGE}ask/", given).status_code == 403 and enter("tara").get(PAGE).status_code == 403
    assert not Approval.objects.filter(kind="calendar").exists()
    assert enter("olga").post(f"{PAGE}ask/", given | {"once": str(uuid.uuid4())}).status_code == 302
    asked = Approval.objects.get(kind="calendar")
    assert decide_approval(approval_id=asked.id, actor=staff("oswald", "operations"), approve=True).status == "EXECUTED"
    text = enter("rita").get(PAGE).content.decode()
    assert "a day of &lt;mourning&gt;" in text and "Thu 4 Mar 2027" in text and "Ask for another day" not in text
    assert CalendarChange.objects.get().currency_id == "USD"
