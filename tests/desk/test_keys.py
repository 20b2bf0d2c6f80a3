"""The screen of API keys: our admin asks, compliance approves; what ends, ends at once."""

import uuid
from base64 import b64encode
from typing import Any

import pytest

from apps.approvals.models import Approval
from apps.clients.models import ApiKey
from apps.core import clock, ids
from apps.workflows.decide_approval import decide_approval
from tests import web as webs
from tests import world
from tests.desk.day import STAFF

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/desk/keys/"
PUBLIC = b64encode(bytes(range(32))).decode()


@pytest.fixture
def acme(transactional_db: None) -> world.Firm:
    clock.freeze_desk(world.NOON)
    return world.firm("acme")


def form(**members: Any) -> dict[str, Any]:
    return {"once": str(uuid.uuid4()), **members}


def decide(staff: Any, *, approve: bool = True) -> Approval:
    asked = Approval.objects.get(status="REQUESTED")
    return decide_approval(approval_id=asked.id, actor=staff["carl"].as_actor(), approve=approve)


def asking(acme: world.Firm, **changes: Any) -> dict[str, Any]:
    wanted = {
        "client": "acme", "member": ids.encode("mem", acme.trader.id), "public_key": PUBLIC, "scope": ["read", "quote", "trade"],
        "cidrs": "203.0.113.0/24\n198.51.100.7/32", "days": "90", "cap_deal_usd": "2.5m", "cap_pairs": ["BTC-USD"],
        "account": [ids.encode("acc", acme.account.id)],
    }  # fmt: skip
    return form(**wanted | changes)


def test_a_key_is_asked_for_by_our_admin_approved_by_compliance_widened_succeeded_and_revoked(
    enter: Any, staff: Any, acme: world.Firm
) -> None:
    assert "ada" in STAFF
    ada = enter("ada")
    assert "Ask for a key" in ada.get(f"{PAGE}?client=acme").content.decode()
    assert ada.post(f"{PAGE}ask/", asking(acme)).status_code == 302
    assert not ApiKey.objects.exists()
    assert "Waiting for compliance" in ada.get(PAGE).content.decode()
    assert decide(staff).status == "EXECUTED"
    key = ApiKey.objects.get()
    assert (key.scopes, key.allowed_cidrs) == (["read", "quote", "trade"], ["203.0.113.0/24", "198.51.100.7/32"])
    assert (key.caps, [a.code for a in key.accounts.all()]) == ({"pairs": ["BTC-USD"], "deal_usd": "2500000"}, [acme.account.code])
    assert (key.expires_at - key.created_at).days == 90
    text = enter("ada").get(f"{PAGE}{key.key_id}/").content.decode()
    assert "203.0.113.0/24" in text and PUBLIC not in text
    # wider, by a second person
    wider = form(scope=["read", "settle"], cidrs="203.0.113.0/24")
    assert ada.post(f"{PAGE}{key.key_id}/widen/", wider).status_code == 302
    assert ApiKey.objects.get().scopes == ["read", "quote", "trade"]
    decide(staff)
    assert ApiKey.objects.get().scopes == ["read", "settle"]
    # a successor of the same rights
    other = b64encode(bytes(32)).decode()
    assert ada.post(f"{PAGE}{key.key_id}/rotate/", form(public_key=other, days="30")).status_code == 302
    decide(staff)
    new = ApiKey.objects.exclude(id=key.id).get()
    assert (new.scopes, new.allowed_cidrs) == (["read", "settle"], ["203.0.113.0/24"])
    # one person ends it at once
    assert enter("carl").post(f"{PAGE}{new.key_id}/revoke/", form()).status_code == 302
    new.refresh_from_db()
    assert new.revoked_at is not None
    assert "Revoked" in enter("audrey").get(f"{PAGE}{new.key_id}/").content.decode()


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"public_key": "AAAA"}, "bad_public_key"),
        ({"scope": ["trade"], "cidrs": ""}, "bad_allow_list"),
        ({"scope": ["hedge"]}, "bad_scope"),
        ({"scope": []}, "bad_scope"),
        ({"cidrs": "anywhere"}, "bad_allow_list"),
        ({"days": "366"}, "bad_lifetime"),
        ({"days": "-1"}, "field_unreadable"),
        ({"cap_deal_usd": "lots"}, "field_unreadable"),
        ({"cap_deal_usd": "10", "cap_day_usd": "9"}, "bad_cap"),
        ({"cap_pairs": ["XXX-YYY"]}, "bad_cap"),
    ],
)
def test_what_cannot_be_a_key_is_told_and_asks_for_nothing(enter: Any, acme: world.Firm, wrong: dict[str, Any], code: str) -> None:
    answer = enter("ada").post(f"{PAGE}ask/", asking(acme, **wrong))
    assert answer.status_code == 422
    assert code in answer.content.decode()
    assert not Approval.objects.exists()


def test_a_key_is_of_the_clients_own_member_and_accounts(enter: Any, acme: world.Firm) -> None:
    rival = world.firm("mallory")
    ada = enter("ada")
    assert ada.post(f"{PAGE}ask/", asking(acme, member=ids.encode("mem", rival.trader.id))).status_code == 404
    assert ada.post(f"{PAGE}ask/", asking(acme, account=[ids.encode("acc", rival.account.id)])).status_code == 404
    assert not Approval.objects.exists()


def test_one_who_leaves_is_closed_with_keys_and_what_waits_for_them(enter: Any, staff: Any, acme: world.Firm) -> None:
    key = webs.key_for(acme.trader)
    ada = enter("ada")
    ada.post(f"{PAGE}ask/", asking(acme))
    ada.post(f"{PAGE}{key.key_id}/widen/", form(scope=["read"]))
    assert Approval.objects.filter(status="REQUESTED").count() == 2
    address = f"/desk/members/{ids.encode('mem', acme.trader.id)}/close/"
    assert enter("audrey").post(address, form()).status_code == 403
    assert enter("carl").post(address, form(client="acme")).status_code == 302
    assert {one.status for one in Approval.objects.all()} == {"WITHDRAWN"}
    assert ApiKey.objects.get().revoked_at is not None
    assert "CLOSED" in enter("carl").get(f"{PAGE}?client=acme").content.decode().upper()
