"""Alerts: compliance alone sees and works them."""

import uuid
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from apps.clients.models import Counterparty, Member
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


def test_what_an_alert_is_about_is_named_by_its_own_kind_and_linked(enter: Any, day: Day) -> None:
    acme, lp = Counterparty.objects.get(code="acme"), Counterparty.objects.filter(roles__overlap=["LP", "VENUE"]).order_by("code")[0]
    member, some, carl = Member.objects.filter(counterparty=acme).order_by("id")[0], ids.uuid7(), enter("carl")
    for kind, subject, party, named, link in (
        ("counterparty", acme.id, acme, "cli", "/desk/clients/acme/"),
        ("counterparty", lp.id, lp, "cli", f"/desk/counterparties/{lp.code}/"),
        ("member", member.id, acme, "mem", "/desk/clients/acme/"),
        ("withdrawal", some, acme, "wdr", "/desk/clients/acme/"),
        ("instruction", some, acme, "", f"/desk/settlement/payments/{ids.encode('ins', some)}/"),
    ):
        made = Alert.objects.create(
            id=ids.uuid7(), rule="LISTED_NAME", cause=f"{kind} {party.code}", why="listed", client_id=party.id, client_name=party.name,
            subject_type=kind, subject_id=subject, raised_at=clock.desk_now(),
        )  # fmt: skip
        page = carl.get(f"/desk/alerts/{ids.encode('alt', made.id)}/").content.decode()
        assert f'href="{link}"' in page, kind
        assert not named or ids.encode(named, subject) in page, kind
        assert kind == "withdrawal" or ids.encode("wdr", subject) not in page, kind
        assert kind == "instruction" or carl.get(link).status_code == 200, kind
