"""The screen of LPs and venues: one is asked for, signed and there; its terms and places change from its own page."""

import uuid
from typing import Any

import pytest

from apps.approvals.models import Approval
from apps.clients.models import Counterparty, Ssi, Terms
from apps.users.models import User
from apps.workflows.decide_approval import decide_approval
from tests.desk.day import Day

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/desk/counterparties/"
TERMS = {"mode": "CREDIT", "book": "flowdesk main", "pays": "net", "netting": "ISDA 2024", "tenor": "1", "cutoff": "15:30",
         "zone": "Europe/Zurich", "fee_bps": "0.5"}  # fmt: skip
QUASAR = {"code": "quasar", "name": "Quasar Markets AG", "country": "ch", "role": "LP", "limit": "5m", "limit_until": "2027-03-01",
          "place_1": "fedwire-usd USD", "address_1": "021000021-9001", "bic_1": "CHASUS33"}  # fmt: skip


def form(given: dict[str, str], **changes: str) -> dict[str, str]:
    return {"once": str(uuid.uuid4()), **given, **changes}


def test_an_lp_is_asked_for_signed_and_dealt_with(enter: Any, day: Day, staff: dict[str, User]) -> None:
    assert "Ask that one be taken on" in enter("sam").get(PAGE).content.decode()
    assert "Ask that one be taken on" not in enter("tara").get(PAGE).content.decode()
    for wrong in ({"netting": ""}, {"cutoff": "late"}, {"fee_bps": "x"}, {"tenor": "9"}, {"limit": "-1"}, {"book": "main"}):
        assert enter("sam").post(f"{PAGE}ask/", form(QUASAR | TERMS, **wrong)).status_code == 422, wrong
    assert enter("sam").post(f"{PAGE}ask/", form(QUASAR | TERMS)).status_code == 302
    asked = Approval.objects.get(kind="lp")
    waiting = enter("carl").get(PAGE).content.decode()
    assert f"/desk/approvals/{asked.id}/" in waiting and "quasar" not in enter("tara").get("/desk/position/").content.decode()
    decision = enter("rita").get(f"/desk/approvals/{asked.id}/").content.decode()
    assert "021000021-9001" in decision and "screening" in decision and "5000000" in decision
    for who in ("carl", "rita", "olga"):
        decide_approval(approval_id=asked.id, actor=staff[who].as_actor(), approve=True)
    assert Counterparty.objects.get(code="quasar").status == "APPROVED"
    row = enter("tara").get(PAGE).content.decode().split(">quasar<")[1].split("</tr>")[0]
    assert "credit, net" in row and "T+1" in row and "0.5" in row and "5,000,000.00" in row and "v1" in row
    assert "quasar" in enter("tara").get("/desk/position/").content.decode()


def test_terms_and_places_change_from_its_page(enter: Any, day: Day, staff: dict[str, User]) -> None:
    at = f"{PAGE}helios/"
    assert "No terms on file" in enter("tara").get(at).content.decode()
    assert enter("tara").post(f"{at}terms/", form(TERMS, reason="the first ones")).status_code == 302
    asked = Approval.objects.get(kind="lp_terms")
    assert decide_approval(approval_id=asked.id, actor=staff["rita"].as_actor(), approve=True).status == "EXECUTED"
    assert Terms.objects.get(account__owner__code="helios").netting_zone == "Europe/Zurich"
    place = {"place": "fedwire-usd USD", "address": "021000021-9001", "bic": "CHASUS33"}
    assert enter("olga").post(f"{at}place/", form(place)).status_code == 302
    assert enter("olga").post(f"{at}place/", form(place, address="021000021-9001")).status_code == 409
    assert enter("olga").post(f"{at}place/", form(place, address="")).status_code == 422
    assert Ssi.objects.get(account__owner__code="helios").status == "VERIFYING"
    assert "021000021-9001" in enter("olga").get(at).content.decode()
    text = enter("tara").get(at).content.decode()
    assert "021000021-9001" not in text, "where money goes is not for the front"
    assert "Europe/Zurich" in text and "Ask for other terms" in text
    assert enter("tara").get(f"{PAGE}nobody/").status_code == 404
