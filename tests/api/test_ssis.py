"""Settlement instructions over the API: proposed by one member, approved by another, seen by their own client and account alone."""

import json
from typing import Any

import httpx
import pytest
from flowdesk_client import Refused
from joserfc import jws as independent
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from apps.core import clock, ids, jws
from tests import web as webs
from tests import world
from tests.settlement import world as here

pytestmark = pytest.mark.django_db(transaction=True)
PLACE = {"asset": "EUR", "rail": "target-eur", "address": "DE02120300000000202051", "bic": "BYLADEM1001"}
SSIS = "/api/v1/ssis"


def code(call: Any) -> tuple[int, str]:
    with pytest.raises(Refused) as no:
        call()
    return no.value.status, no.value.code


def test_two_members_of_a_client_change_where_it_is_paid_and_nobody_else_sees_it(web: webs.Web) -> None:
    clock.freeze_desk(world.NOON)
    acme, rival = world.firm("acme"), world.firm("borealis")
    other_hand = world.actor_of(acme.account, "Controller")
    treasury, again, controller, trader, stranger = (
        webs.api(web, who, attempts=1) for who in (acme.treasury, acme.treasury, other_hand, acme.trader, rival.treasury)
    )
    assert code(lambda: treasury.post(SSIS, PLACE | {"address": "DE03120300000000202051"})) == (422, "bad_ssi")
    assert code(lambda: trader.post(SSIS, PLACE)) == (422, "no_settlement_authority")
    assert code(lambda: stranger.post(SSIS, PLACE | {"account_id": ids.encode("acc", acme.account.id)})) == (404, "not_found")
    key = "k" * 20
    made = treasury.post(SSIS, PLACE, idempotency_key=key)
    assert treasury.post(SSIS, PLACE, idempotency_key=key) == made
    assert (made["status"], made["holder"], made["active_from"]) == ("DRAFT", "Acme Capital", None)
    assert made["proposed_by"] == ids.encode("mem", acme.treasury.id)
    assert code(lambda: treasury.post(SSIS, PLACE)) == (409, "ssi_known")
    one = f"{SSIS}/{made['id']}"
    assert code(lambda: again.post(f"{one}/approve", {})) == (422, "second_member_needed"), "another key of the same member"
    for call in (lambda: stranger.get(one), lambda: stranger.post(f"{one}/approve", {}), lambda: stranger.post(f"{one}/revoke", {})):
        assert code(call) == (404, "not_found")
    assert controller.post(f"{one}/approve", {})["status"] == "VERIFYING"
    assert code(lambda: controller.post(f"{one}/approve", {})) == (409, "illegal_state")
    assert [s["status"] for s in treasury.get(SSIS, asset="EUR")["data"]] == ["VERIFYING", "ACTIVE"]
    page = treasury.get(SSIS, limit=2)
    rest = treasury.get(SSIS, limit=50, cursor=page["next_cursor"])
    assert len({s["id"] for s in page["data"] + rest["data"]}) == 5
    assert stranger.get(SSIS)["data"] == []
    assert treasury.get(one) == controller.get(one)
    kinds = [e["type"] for e in treasury.events()["data"] if e["type"].startswith("ssi.")]
    assert [kind for kind in kinds if "refused" not in kind] == ["ssi.proposed", "ssi.verifying"]
    assert treasury.post(f"{one}/revoke", {})["status"] == "REJECTED"


def test_where_to_pay_us_is_signed(web: webs.Web) -> None:
    here.open_house("USD", "BTC")
    acme = world.firm("acme")
    told = webs.api(web, acme.treasury, attempts=1).get("/api/v1/deposit-instructions")
    keys = KeySet.import_key_set(httpx.get(f"{web.url}/.well-known/jwks.json").json())
    found = independent.deserialize_compact(told["signed"], keys, algorithms=["EdDSA"])
    paper = json.loads(found.payload)
    assert found.headers()["typ"] == "deposit-instructions"
    assert (paper["data"], paper["client_id"]) == (told["data"], ids.encode("cli", acme.client_id))
    assert [one["address"] for one in paper["data"]] == ["bc1qflowdesk", "flowdesk-usd-1"]
    head, _, signature = told["signed"].split(".")
    elsewhere = json.dumps(paper | {"data": [one | {"address": "mallory"} for one in paper["data"]]}).encode()
    with pytest.raises(JoseError):
        independent.deserialize_compact(f"{head}.{jws.b64(elsewhere)}.{signature}", keys, algorithms=["EdDSA"])
