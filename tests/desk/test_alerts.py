"""Alerts: compliance alone sees and works them."""

import uuid
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from apps.compliance.models import Alert, AlertNote
from apps.core import clock, ids
from tests.desk.day import Day


@pytest.mark.django_db(transaction=True)
def test_compliance_alone_sees_and_works_an_alert_to_its_end(enter: Any, day: Day) -> None:
    made = Alert.objects.create(
        id=ids.uuid7(), rule="OFF_MARKET", cause="x", why="BTC-USD buy: <250> bp from the mid", client_name="Acme Capital",
        subject_type="trade", subject_id=ids.uuid7(), raised_at=clock.desk_now() - timedelta(days=3),
    )  # fmt: skip
    address = f"/desk/alerts/{ids.encode('alt', made.id)}/"
    for name in ("sam", "tara", "olga"):
        client = enter(name)
        assert {client.get(at).status_code for at in ("/desk/alerts/", address)} == {403}, name
        assert client.post(f"{address}act/", {"act": "CLOSED", "text": "x"}).status_code == 403
    assert "/desk/alerts/" not in enter("sam").get("/desk/halts/").content.decode(), "not in the sidebar either"
    auditor, carl = enter("audrey"), enter("carl")
    assert "&lt;250&gt; bp" in auditor.get(address).content.decode() and "Work it" not in auditor.get(address).content.decode()
    assert "3\xa0days" in carl.get("/desk/alerts/").content.decode() and "nobody" in carl.get("/desk/alerts/").content.decode()

    def work(act: str, text: str = "") -> int:
        return int(carl.post(f"{address}act/", {"act": act, "text": text, "once": str(uuid.uuid4())}).status_code)

    assert [work("REPORTED", "x"), work("CLOSED"), work("NOTED"), work("EATEN", "x")] == [409, 422, 422, 422]
    assert not AlertNote.objects.exists()
    assert [work("TAKEN"), work("NOTED", "asked sam"), work("ESCALATED", "no answer"), work("REPORTED", "STR 12")] == [302] * 4
    assert [work("CLOSED", "x"), work("NOTED", "x")] == [409, 409]
    made.refresh_from_db()
    assert (made.status, made.owner_name.startswith("Carl"), made.outcome) == ("REPORTED", True, "STR 12")
    assert [n.act for n in AlertNote.objects.order_by("at", "id")] == ["TAKEN", "NOTED", "ESCALATED", "REPORTED"]
    out = StringIO()
    call_command("compliance_alerts", stdout=out)
    assert "OFF_MARKET,Acme Capital" in out.getvalue() and "STR 12" in out.getvalue()
