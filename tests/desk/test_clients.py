"""The clients' page: who acts for a client, asked by sales and granted by others; the front reads."""

import uuid
from typing import Any

import pytest

from apps.approvals.models import Approval
from apps.clients.models import Authority, Member
from apps.core import ids
from apps.users.models import User
from apps.workflows.decide_approval import decide_approval
from apps.workflows.set_up_house import load_list
from tests.desk.day import Day

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/desk/clients/acme/"
ANN = {"name": "Ann Able", "email": "ann@acme.example", "account": "acme-main", "roles_acme-main": ["viewer", "trader"],
       "limit_acme-main": "250k", "reason": "their new trader"}  # fmt: skip

QUASAR = {"code": "quasar", "name": "Quasar Capital AG", "lei": "cygnusdemo0000000160", "country": "ch", "email": "ops@quasar.example",
          "book": "flowdesk main", "mode": "CLIENT_FIRST", "tier": "standard", "auto_max_usd": "5m", "pairs": "BTC-USD",
          "name_1": "Ann", "email_1": "ann@quasar.example", "roles_1": ["viewer", "trader"], "limit_1": "250k",
          "name_2": "Bob", "email_2": "bob@quasar.example", "roles_2": "settlement"}  # fmt: skip


def form(given: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"once": str(uuid.uuid4()), **given, **changes}


def test_a_member_is_asked_for_granted_and_changed(enter: Any, day: Day, staff: dict[str, User]) -> None:
    assert "acme" in enter("tara").get("/desk/clients/").content.decode()
    front = enter("tara").get(PAGE).content.decode()
    assert "acme Trader" in front and "Ask that somebody" not in front and "Change" not in front
    for wrong in (
        {"name": ""},
        {"email": "ann"},
        {"limit_acme-main": "x"},
        {"roles_acme-main": ["owner"]},
        {"roles_acme-main": []},
        {"reason": ""},
    ):
        assert enter("sam").post(f"{PAGE}member/", form(ANN, **wrong)).status_code == 422, wrong
    sent = form(ANN)
    for _ in range(2):
        assert enter("sam").post(f"{PAGE}member/", sent).status_code == 302
    asked = Approval.objects.get(kind="member")
    assert f"/desk/approvals/{asked.id}/" in enter("carl").get(PAGE).content.decode()
    assert "250000" in enter("rita").get(f"/desk/approvals/{asked.id}/").content.decode()
    for who in ("carl", "rita"):
        decide_approval(approval_id=asked.id, actor=staff[who].as_actor(), approve=True)
    ann = Member.objects.get(name="Ann Able")
    assert "acme-main: viewer, trader, up to 250,000.00 USD" in enter("tara").get(PAGE).content.decode()

    at = f"{PAGE}authority/{ids.encode('mem', ann.id)}/"
    looks = {"account": "acme-main", "roles_acme-main": ["viewer"], "reason": "moved to operations"}
    assert enter("sam").post(at.replace("acme/", "borealis/"), form(looks)).status_code == 404, "another client's member"
    assert enter("sam").post(at, form(looks)).status_code == 302
    asked = Approval.objects.get(kind="authority")
    decision = enter("carl").get(f"/desk/approvals/{asked.id}/").content.decode()
    assert "250000" in decision and "moved to operations" in decision
    decide_approval(approval_id=asked.id, actor=staff["carl"].as_actor(), approve=True)
    assert Authority.objects.get(member=ann).roles == ["viewer"]
    assert enter("sam").get("/desk/clients/helios/").status_code == 404, "an LP is no client"


def test_a_client_is_asked_for_signed_and_cleared(enter: Any, day: Day, staff: dict[str, User]) -> None:
    page = "/desk/clients/"
    assert "Ask that one be taken on" in enter("sam").get(page).content.decode()
    assert "Ask that one be taken on" not in enter("tara").get(page).content.decode()
    for wrong in (
        {"lei": "x"},
        {"name_2": ""},
        {"auto_max_usd": ""},
        {"fee_bps": "x"},
        {"limit_1": "-"},
        {"pairs": []},
        {"book": "main"},
        {"email_3": "c@quasar.example"},
    ):
        assert enter("sam").post(f"{page}ask/", form(QUASAR, **wrong)).status_code == 422, wrong
    load_list(list_name="NEW", entries=[("Quasar Capital AG", "CH", "q-1")])
    assert enter("sam").post(f"{page}ask/", form(QUASAR)).status_code == 302
    asked = Approval.objects.get(kind="client")
    decision = enter("rita").get(f"/desk/approvals/{asked.id}/").content.decode()
    assert "bob@quasar.example" in decision and "screening" in decision
    for who in ("carl", "rita"):
        decide_approval(approval_id=asked.id, actor=staff[who].as_actor(), approve=True)
    at = f"{page}quasar/"
    assert "Waits for compliance" not in enter("sam").get(at).content.decode()
    assert "Waits for compliance" in enter("carl").get(at).content.decode()
    assert enter("carl").post(f"{at}clear/", form({"evidence": "another company: register seen"})).status_code == 302
    clearing = Approval.objects.get(kind="client_clear")
    assert f"/desk/approvals/{clearing.id}/" in enter("audrey").get(at).content.decode()
