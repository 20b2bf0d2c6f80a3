"""The clients' page: who acts for a client, asked by sales and granted by others; the front reads."""

import uuid
from typing import Any

import pytest

from apps.approvals.models import Approval
from apps.clients.models import Authority, Member
from apps.core import ids
from apps.jobs import screening
from apps.users.models import User
from apps.workflows.decide_approval import decide_approval
from apps.workflows.load_list import load_list
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


def test_a_member_whom_a_list_knows_is_cleared_on_the_page(enter: Any, day: Day, staff: dict[str, User]) -> None:
    load_list(list_name="NEW", entries=[("acme Trader", "", "1"), ("Helios", "", "2")])
    screening.keep()
    front = enter("carl").get(PAGE).content.decode()
    assert "its name is on a list" in front and "Waits for compliance" not in front
    assert "its name is on a list" not in enter("sam").get(PAGE).content.decode(), "that is compliance's"
    trader = Member.objects.get(name="acme Trader")
    at = f"{PAGE}clear/{ids.encode('mem', trader.id)}/"
    assert enter("carl").post(at, form({"evidence": "x"})).status_code == 422
    assert enter("carl").post(at.replace("acme/", "borealis/"), form({"evidence": "another person, passport seen"})).status_code == 404
    assert enter("carl").post(at, form({"evidence": "another person, passport seen"})).status_code == 302
    asked = Approval.objects.get(kind="member_clear")
    assert f"/desk/approvals/{asked.id}/" in enter("carl").get(PAGE).content.decode()
    page = "/desk/counterparties/helios/"
    assert "Waits for compliance" in enter("carl").get(page).content.decode()
    assert "Waits for compliance" not in enter("sam").get(page).content.decode()
    assert enter("carl").post(f"{page}clear/", form({"evidence": "another company, register seen"})).status_code == 302
    assert Approval.objects.get(kind="client_clear").payload["status"] == "APPROVED"


def test_terms_change_and_an_account_is_added_on_the_page(enter: Any, day: Day, staff: dict[str, User]) -> None:
    at = f"{PAGE}accounts/acme-main/"
    front = enter("rita").get(at).content.decode()
    assert "in force" in front and "Ask for other terms" not in front and "Ask for other terms" in enter("tara").get(at).content.decode()
    assert enter("tara").get("/desk/clients/borealis/accounts/acme-main/").status_code == 404, "another client's account"
    wanted = {
        "book": "flowdesk main", "mode": "CREDIT", "safeguarded": "no", "tier": "gold", "markup_bps": "-0.5", "fee_bps": "",
        "fee_mode": "INVOICED",
        "auto_max_usd": "2.5m", "auto_credit_percent": "80", "min_life_ms": "250", "pairs": ["BTC-USD"], "netting": "ISDA 2026",
        "cutoff": "15:00", "zone": "Europe/Zurich", "silence_agrees": "no", "close_out": "", "close_out_date": "", "prehedge_consent": "",
        "fair_use_from": "500", "fair_use_soft": "100", "fair_use_hard": "", "reason": "a new agreement",
    }  # fmt: skip
    for wrong in (
        {"cutoff": "noon"},
        {"min_life_ms": "1.5"},
        {"auto_max_usd": ""},
        {"close_out_date": "soon"},
        {"pairs": []},
        {"reason": ""},
        {"effective_from": "soon"},
        {"effective_from": "2026-09-01T08:00"},
    ):
        assert enter("tara").post(f"{at}terms/", form(wanted, **wrong)).status_code == 422, wrong
    sent = form(wanted)
    for _ in range(2):
        assert enter("tara").post(f"{at}terms/", sent).status_code == 302
    asked = Approval.objects.get(kind="terms")
    assert f"/desk/approvals/{asked.id}/" in enter("rita").get(at).content.decode()
    assert "Europe/Zurich" in enter("rita").get(f"/desk/approvals/{asked.id}/").content.decode()
    decide_approval(approval_id=asked.id, actor=staff["rita"].as_actor(), approve=True)
    after = enter("rita").get(at).content.decode()
    assert "tier: standard → gold" in after and "auto credit share: 1 → 0.8" in after and "silence agrees: yes → no" in after

    assert enter("tara").post(f"{at}terms/", form(wanted, tier="silver", effective_from="2027-01-04T10:00+02:00")).status_code == 302
    ahead = Approval.objects.get(kind="terms", status="REQUESTED")
    assert "2027-01-04T08:00:00.000000Z" in enter("rita").get(f"/desk/approvals/{ahead.id}/").content.decode()
    decide_approval(approval_id=ahead.id, actor=staff["rita"].as_actor(), approve=True)
    planned = enter("tara").get(at).content.decode()
    assert "to come" in planned and "tier: gold → silver" in planned and "takes its place at risk" in planned
    assert "Version 3 is signed and takes effect" in planned and "<td>v2</td>" in enter("tara").get(PAGE).content.decode()

    names = [member.name for member in Member.objects.filter(counterparty__code="acme").order_by("name")]
    assert "Ask that it deal on another account" in enter("sam").get(PAGE).content.decode()
    fund = wanted | {"code": "acme-fund", "name": "Fund two", "members": names}
    assert enter("sam").post(f"{PAGE}accounts/ask/", form(fund, code="fund")).status_code == 422
    assert enter("sam").post(f"{PAGE}accounts/ask/", form(fund)).status_code == 302
    asked = Approval.objects.get(kind="account")
    for who in ("carl", "rita"):
        decide_approval(approval_id=asked.id, actor=staff[who].as_actor(), approve=True)
    assert (
        "acme-fund" in enter("tara").get(PAGE).content.decode() and "v1" in enter("tara").get(f"{PAGE}accounts/acme-fund/").content.decode()
    )
