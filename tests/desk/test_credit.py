"""The credit screen: who sees it, what risk asks for there, and a status that one person lowers and two bring up."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest

from apps.approvals.models import Approval
from apps.clients.models import Account, Counterparty
from apps.credit.models import ExposureCall, Line
from apps.workflows.decide_approval import decide_approval
from tests.desk.day import Day
from tests.people import staff

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/desk/credit/"


def pre(day: Day) -> Line:
    return Line.objects.get(subject_id=day.acme.client_id, measure="PRE_SETTLEMENT")


def line_form(line: Line, **changes: str) -> dict[str, str]:
    form = {
        "once": str(uuid.uuid4()), "subject": f"CLIENT:{line.subject_id}", "measure": "PRE_SETTLEMENT", "amount": "7,000,000",
        "valid_from": line.valid_from.isoformat(), "valid_until": (line.valid_until + timedelta(days=1)).isoformat(), "why": "review",
    }  # fmt: skip
    return form | changes


def test_everyone_in_trading_sees_the_lines_and_only_risk_may_set_them(enter: Any, day: Day) -> None:
    for name in ("sam", "tara", "olga", "rita", "audrey", "carl"):
        text = enter(name).get(PAGE).content.decode()
        assert "acme" in text and "<progress" in text, name
        assert ("Ask for a line" in text) is (name == "rita"), name
        assert ("Status of a client" in text) is (name in {"sam", "rita", "carl"}), name
    assert enter("tara").post(f"{PAGE}lines/set/", line_form(pre(day))).status_code == 403
    assert not Approval.objects.filter(kind="credit_line").exists()


def test_a_line_asked_for_is_another_ones_to_approve(enter: Any, day: Day) -> None:
    line = pre(day)
    assert enter("rita").post(f"{PAGE}lines/set/", line_form(line)).status_code == 302
    asked = Approval.objects.get(kind="credit_line")
    form = {"once": str(uuid.uuid4()), "decision": "approve"}
    assert enter("rita").post(f"/desk/approvals/{asked.id}/decide/", form).status_code in {403, 409, 422}
    assert decide_approval(approval_id=asked.id, actor=staff("ron", "risk"), approve=True).status == "EXECUTED"
    line.refresh_from_db()
    assert (line.amount, line.grant_number) == (7_000_000, 2)
    text = enter("audrey").get(f"{PAGE}lines/{line.id}/").content.decode()
    assert "7,000,000.00" in text and "Grants" in text and "Call the client" not in text


@pytest.mark.parametrize(
    "wrong",
    [{"amount": "-1"}, {"amount": "x"}, {"subject": "CLIENT:x"}, {"measure": "NONE"}, {"valid_until": "tomorrow"}, {"excess": "5"},
     {"subject": f"CLIENT:{uuid.uuid4()}"}, {"valid_until": "2020-01-01T00:00"}, {"measure": "DAILY"},
     {"valid_from": "0001-01-01"}, {"valid_until": "9999-12-31T23:59"}],
)  # fmt: skip
def test_a_bad_entry_is_told_and_asks_for_nothing(enter: Any, day: Day, wrong: dict[str, str]) -> None:
    assert enter("rita").post(f"{PAGE}lines/set/", line_form(pre(day), **wrong)).status_code in {404, 422}
    assert not Approval.objects.filter(kind="credit_line").exists()


def test_a_haircut_a_call_and_its_withdrawal_are_asked_for_here(enter: Any, day: Day) -> None:
    line, client = pre(day), enter("rita")
    given = {"once": str(uuid.uuid4()), "pair": "BTC-USD", "normal": "15", "stressed": "30"}
    assert client.post(f"{PAGE}haircuts/set/", given).status_code == 302
    assert Approval.objects.get(kind="credit_haircut").payload["normal"] == "0.15"
    due = (line.valid_until - timedelta(days=1)).isoformat()
    call = {"once": str(uuid.uuid4()), "client": "acme", "amount": "50000", "reason": "concentration", "due_at": due}
    for _ in range(2):
        assert client.post(f"{PAGE}lines/{line.id}/call/", call).status_code == 302
    made = ExposureCall.objects.get()
    assert "concentration" in client.get(PAGE).content.decode()
    assert client.post(f"{PAGE}calls/{made.id}/withdraw/", {"once": str(uuid.uuid4()), "reason": "paid"}).status_code == 302
    assert Approval.objects.get(kind="exposure_call").subject_id == made.id


def test_a_status_is_lowered_at_once_and_raised_by_asking(enter: Any, day: Day) -> None:
    def send(name: str, status: str) -> int:
        form = {"once": str(uuid.uuid4()), "client": "acme", "status": status, "reason": "drill"}
        return int(enter(name).post(f"{PAGE}status/", form).status_code)

    def status() -> str:
        return str(Counterparty.objects.get(code="acme").status)

    assert send("sam", "RESTRICTED") == 403
    assert (send("rita", "RESTRICTED"), status()) == (302, "RESTRICTED")
    assert (send("rita", "APPROVED"), status()) == (403, "RESTRICTED")
    assert (send("sam", "APPROVED"), status()) == (302, "RESTRICTED")
    asked = Approval.objects.get(kind="client_status")
    enter("carl").post(f"/desk/approvals/{asked.id}/decide/", {"once": str(uuid.uuid4()), "decision": "approve"})
    assert status() == "APPROVED"


def test_the_live_part_comes_alone(enter: Any, day: Day) -> None:
    text = enter("rita").get(PAGE, HTTP_HX_REQUEST="true", HTTP_HX_TARGET="live").content.decode()
    assert "<html" not in text and "Haircuts" in text
    assert not re.search(r"style=|onclick|<script", text)


def test_one_account_of_a_client_has_a_status_of_its_own(enter: Any, day: Day) -> None:
    def send(name: str, status: str) -> int:
        form = {"once": str(uuid.uuid4()), "client": "account:acme-main", "status": status, "reason": "drill"}
        return int(enter(name).post(f"{PAGE}status/", form).status_code)

    def stands() -> tuple[str, str]:
        account = Account.objects.get(code="acme-main")
        return account.status, account.owner.status

    assert 'value="account:acme-main"' in enter("rita").get(PAGE).content.decode()
    assert (send("rita", "SUSPENDED"), stands()) == (302, ("SUSPENDED", "APPROVED"))
    assert (send("rita", "RESTRICTED"), stands()) == (403, ("SUSPENDED", "APPROVED"))
    assert send("sam", "RESTRICTED") == 302
    asked = Approval.objects.get(kind="client_status")
    enter("carl").post(f"/desk/approvals/{asked.id}/decide/", {"once": str(uuid.uuid4()), "decision": "approve"})
    assert stands() == ("RESTRICTED", "APPROVED")
    form = {"once": str(uuid.uuid4()), "client": "account:nobody", "status": "FROZEN", "reason": "x"}
    assert enter("rita").post(f"{PAGE}status/", form).status_code == 404
