"""Settlement instructions over the API: proposed by one member, approved by another, seen by their own client and account alone."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.test.utils import CaptureQueriesContext
from flowdesk_client import Refused
from joserfc import jws as independent
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from apps.api.v1.settlement_objects import DepositInstructions
from apps.core import clock, db, ids, jws
from apps.core.errors import AppError
from apps.settlement.errors import BadPayTo
from apps.settlement.operations.ways_in import Told
from apps.users.errors import RoleMissing
from apps.workflows.decide_approval import decide_approval
from apps.workflows.tell_where_to_pay import request_pay_to
from tests import web as webs
from tests import world
from tests.people import staff
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
    for moment in ("9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"):
        assert code(lambda at=moment: treasury.post(SSIS, PLACE | {"valid_until": at})) == (400, "invalid_request")
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


def test_where_to_pay_us_is_signed_and_changes_by_two_people(web: webs.Web) -> None:
    ours = here.open_house("USD", "BTC")
    acme = world.firm("acme")
    treasury = webs.api(web, acme.treasury, attempts=1)
    told = treasury.get("/api/v1/deposit-instructions")
    keys = KeySet.import_key_set(httpx.get(f"{web.url}/.well-known/jwks.json", timeout=60).json())
    found = independent.deserialize_compact(told["signed"], keys, algorithms=["EdDSA"])
    paper = json.loads(found.payload)
    assert found.headers()["typ"] == "deposit-instructions"
    assert (paper["data"], paper["client_id"]) == (told["data"], ids.encode("cli", acme.client_id))
    assert [one["address"] for one in paper["data"]] == ["bc1qflowdesk", "flowdesk-usd-1"]
    head, _, signature = told["signed"].split(".")
    elsewhere = json.dumps(paper | {"data": [one | {"address": "mallory"} for one in paper["data"]]}).encode()
    with pytest.raises(JoseError):
        independent.deserialize_compact(f"{head}.{jws.b64(elsewhere)}.{signature}", keys, algorithms=["EdDSA"])

    olga, fay = staff("olga", "operations"), staff("fay", "finance")
    bank = Told(holder="Flowdesk Markets Ltd", bic="CHASUS33", bank="Northern Bank")
    for place, wrong in (
        ("BTC", bank),
        ("USD", replace(bank, bic="CHAS")),
        ("USD", replace(bank, bic="chasus33")),
        ("USD", replace(bank, holder="")),
    ):
        with pytest.raises(BadPayTo):
            request_pay_to(actor=olga, nostro_id=ours[place].id, told=wrong, reason="a new bank")
    with pytest.raises(RoleMissing):
        request_pay_to(actor=fay, nostro_id=ours["USD"].id, told=bank, reason="a new bank")
    gone = Told(holder="Flowdesk Markets Ltd", withdrawn=True)
    for place, change in (("USD", bank), ("BTC", gone)):
        asked = request_pay_to(actor=olga, nostro_id=ours[place].id, told=change, reason="a new bank")
        with pytest.raises(AppError):
            decide_approval(approval_id=asked.id, actor=olga, approve=True)
        assert decide_approval(approval_id=asked.id, actor=fay, approve=True).status == "EXECUTED"
    (one,) = treasury.get("/api/v1/deposit-instructions")["data"]
    assert (one["asset"], one["bic"], one["bank"], one["version"]) == ("USD", "CHASUS33", "Northern Bank", 1)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        db.run("UPDATE settlement_payto SET bic = ''")
    with pytest.raises(IntegrityError, match="never change"), transaction.atomic():
        db.run("UPDATE settlement_nostro SET address = 'mallory'")


def test_where_to_pay_asks_once_from_where_however_many_accounts_there_are() -> None:
    here.open_house("USD")
    acme, counts = world.firm("acme"), []
    for asset in ("BTC", "EUR", "ETH"):
        here.open_house(asset)
        with CaptureQueriesContext(connection) as caught:
            answer = DepositInstructions.get(SimpleNamespace(actor=acme.trader), SimpleNamespace(query_params={}))  # type: ignore[arg-type]
        counts.append(len(caught))
    told = {one["asset"]: one["pay_from"] for one in json.loads(answer.content)["data"]}
    assert told == {
        "USD": ["021000021-1001"], "BTC": ["bc1qacme0000000000000000000000000000000000"], "EUR": ["DE89370400440532013000"],
        "ETH": ["0xacme000000000000000000000000000000000001"],
    }  # fmt: skip
    assert len(set(counts)) == 1, counts
