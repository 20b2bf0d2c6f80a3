"""The coverage screen: who covers an account, asked for by sales and approved by risk."""

import uuid
from typing import Any

import pytest

from apps.approvals.models import Approval
from apps.clients.models import Coverage
from apps.workflows.decide_approval import decide_approval
from apps.workflows.onboard_client import register_counterparty
from tests.desk.day import Day
from tests.people import staff

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/desk/coverage/"


def form(**changes: str) -> dict[str, str]:
    given = {"once": str(uuid.uuid4()), "account": "acme-main", "person_1": "sam", "share_1": "70", "person_2": "sue", "share_2": "30"}
    return given | changes


def test_sales_ask_risk_approves_and_the_page_shows_it(enter: Any, day: Day) -> None:
    staff("sue", "sales")
    register_counterparty(code="shop", name="Shop Ltd", lei="", country="GB", roles=["INTRODUCER"])
    before = enter("sam").get(PAGE).content.decode()
    assert "nobody" in before and "Ask who covers an account" in before
    assert enter("sam").post(f"{PAGE}set/", form(introducer="shop")).status_code == 302
    asked = Approval.objects.get(kind="coverage")
    assert decide_approval(approval_id=asked.id, actor=staff("ron", "risk"), approve=True).status == "EXECUTED"
    assert Coverage.objects.get(effective_until__isnull=True).account.code == "acme-main"
    text = enter("tara").get(PAGE).content.decode()
    assert "sam 70 %" in text and "sue 30 %" in text and "shop" in text
    assert "Ask who covers an account" not in text, "traders look"


@pytest.mark.parametrize(
    "wrong",
    [{"share_2": "31"}, {"person_2": "sam"}, {"share_1": "x"}, {"person_1": "tara"}, {"account": "nobody"}, {"introducer": "acme"}],
)
def test_a_bad_entry_is_told_and_asks_for_nothing(enter: Any, day: Day, wrong: dict[str, str]) -> None:
    staff("sue", "sales")
    assert enter("sam").post(f"{PAGE}set/", form(**wrong)).status_code in {404, 422}
    assert not Approval.objects.filter(kind="coverage").exists()


def test_only_sales_ask(enter: Any, day: Day) -> None:
    staff("sue", "sales")
    for name in ("tara", "rita", "olga"):
        assert enter(name).post(f"{PAGE}set/", form()).status_code == 403
    assert not Approval.objects.filter(kind="coverage").exists()
