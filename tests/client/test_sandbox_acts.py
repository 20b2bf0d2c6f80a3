"""What our people do to a key, a member and a payment of a tester's own: to that one, and to nobody else's."""

from decimal import Decimal as D
from typing import Any

import httpx
import pytest
import yaml
from flowdesk_client import Refused

from apps.approvals.errors import NotAChecker
from apps.clients.models import Account, ApiKey, Member
from apps.compliance.models import ListEntry
from apps.core import ids
from apps.jobs import screening as screening_jobs
from apps.jobs import settlement as jobs
from apps.settlement import queries as settlement
from apps.settlement.models import Instruction
from apps.settlement.queries.gate import get_band
from apps.settlement.rails import outside
from apps.settlement.rules.bands import NO_BAND
from apps.workflows.found_test_client import SandboxOnly
from apps.workflows.stage_parts import release_in_parts
from apps.workflows.stage_test_client import stage_test_client
from flowdesk.sandbox import backoffice
from flowdesk.sandbox.backoffice import BackOffice
from tests import world

from .sandbox import Firm, Sandbox, ask

pytestmark = pytest.mark.django_db(transaction=True)


def status_of(firm: Firm, path: str, name: str, ident: str) -> str:
    return str(next(one["status"] for one in firm.treasury.api.get(f"/api/v1/{path}")["data"] if one[name] == ident))


def test_a_keys_lifetime_is_over_and_it_is_refused_as_an_expired_one_is(sandbox: Sandbox) -> None:
    firm, other = Firm(sandbox), Firm(sandbox)
    key = firm.trader.api.key.key_id
    with pytest.raises(Refused) as no:
        other.act("expire_key", key)
    assert no.value.code == "not_found"
    firm.act("expire_key", key)
    assert status_of(firm, "keys", "key_id", key) == "EXPIRED"
    with pytest.raises(Refused) as no:
        ask(firm.trader)
    assert (no.value.status, no.value.code) == (401, "invalid_signature")
    with pytest.raises(Refused) as no:
        firm.act("expire_key", key)
    assert no.value.code == "key_ended"
    with pytest.raises(Refused) as no:
        firm.act("expire_key", ids.encode("mem", ids.uuid7()))
    assert no.value.errors[0]["pointer"] == "/id"
    with pytest.raises(Refused) as no:
        firm.act("suspend", key)
    assert no.value.errors[0]["pointer"] == "/id", "it would be the whole client"
    assert ask(other.trader).status == "QUOTED"
    assert ApiKey.objects.filter(expires_at__lte=ApiKey.objects.get(key_id=key).expires_at).count() == 1


def test_a_member_is_listed_and_cleared_and_nobody_else_is_meant(sandbox: Sandbox) -> None:
    firm, other = Firm(sandbox), Firm(sandbox)
    key = firm.trader.api.key.key_id
    member = next(one["member_id"] for one in firm.treasury.api.get("/api/v1/keys")["data"] if one["key_id"] == key)
    with pytest.raises(Refused) as no:
        other.act("list_member", member)
    assert no.value.code == "not_found"
    wider = {"scopes": ["read", "quote"], "allowed_cidrs": ["127.0.0.0/8"]}
    asked = firm.treasury.api.post(f"/api/v1/keys/{key}/widen", wider)
    firm.act("list_member", member)
    screening_jobs.keep()
    assert status_of(firm, "members", "id", member) == "SUSPENDED"
    assert status_of(firm, "key-requests", "id", asked["id"]) == "WITHDRAWN"
    with pytest.raises(Refused) as no:
        ask(firm.trader)
    assert (no.value.status, no.value.code) == (401, "invalid_signature")
    assert list(Member.objects.filter(stopped_at__isnull=False).values_list("id", flat=True)) == [ids.decode("mem", member)]
    assert ask(other.trader).status == "QUOTED"
    firm.act("clear_member", member)
    screening_jobs.keep()
    assert status_of(firm, "members", "id", member) == "ACTIVE"
    assert ask(firm.trader).status == "QUOTED"
    with pytest.raises(Refused) as no:
        firm.act("list_member", member)
    assert no.value.code == "illegal_state"


def test_a_list_that_would_mean_somebody_else_too_is_not_kept(sandbox: Sandbox) -> None:
    firm = Firm(sandbox)
    mine = Member.objects.get(keys__key_id=firm.trader.api.key.key_id)
    Member.objects.create(
        id=ids.uuid7(), counterparty=Account.objects.get(code="walker-main").owner, name=f"Ann {mine.name}", email="a@b.example"
    )
    with pytest.raises(Refused) as no:
        firm.act("list_member", ids.encode("mem", mine.id))
    assert no.value.code == "illegal_state"
    assert not ListEntry.objects.filter(name=mine.name).exists()


def test_a_small_payment_leaves_in_parts_and_another_of_the_same_rail_as_it_is(sandbox: Sandbox) -> None:
    office, firms = BackOffice(), {"pay_parts": Firm(sandbox, "PREFUNDED"), "": Firm(sandbox, "PREFUNDED")}
    for firm in firms.values():
        firm.treasury.api.post("/api/v1/deposits", {"account_id": firm.account, "asset": "USD", "amount": "5000"})
    for _ in range(2):
        sandbox.advance(12 * 3600)
        office.step()
        jobs.run_all()
    for scenario, firm in firms.items():
        out = {"account_id": firm.account, "asset": "USD", "amount": "100.01", "client_reference": "w-1"}
        asked = firm.treasury.api.post("/api/v1/withdrawals", out)
        with sandbox.as_scenario(scenario, firm.controller.api.key) as client:
            client.api.post(f"/api/v1/withdrawals/{asked['id']}/approve", {})
    jobs.run_all()
    office.step()
    seen: dict[str, list[str]] = {scenario: [] for scenario in firms}
    for seconds in (1, 600, 3600):
        sandbox.advance(seconds)
        jobs.run_all()
        for scenario, firm in firms.items():
            (paid,) = firm.treasury.api.get("/api/v1/instructions")["data"]
            seen[scenario].append(paid["status"])
            assert [one["amount"] for one in paid["payments"]] == (["50.01", "50"] if scenario else [])
    assert seen == {"pay_parts": ["SENT", "PART_SETTLED", "SETTLED"], "": ["SENT", "SETTLED", "SETTLED"]}
    assert get_band("fedwire-usd") == NO_BAND, "the rail takes what it took"


def test_a_refused_release_in_parts_leaves_nothing_that_plays_for_the_next_payment(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, firm = BackOffice(), Firm(sandbox, "PREFUNDED")
    firm.treasury.api.post("/api/v1/deposits", {"account_id": firm.account, "asset": "USD", "amount": "5000"})
    for _ in range(2):
        sandbox.advance(12 * 3600)
        office.step()
        jobs.run_all()
    out = {"account_id": firm.account, "asset": "USD", "amount": "100.01", "client_reference": "w-1"}
    asked = firm.treasury.api.post("/api/v1/withdrawals", out)
    with sandbox.as_scenario("pay_parts", firm.controller.api.key) as client:
        client.api.post(f"/api/v1/withdrawals/{asked['id']}/approve", {})
    jobs.run_all()
    paid = Instruction.objects.get(withdrawal__isnull=False)
    place = next(one for one in settlement.list_places() if one.nostro_id == paid.nostro_id)
    scripted = list[int]()

    def refuse(**_: Any) -> None:
        scripted.append(len(outside.read(jobs.place_of(place), lambda doc: doc["scripts"])))
        raise NotAChecker("nobody is there")

    monkeypatch.setattr(backoffice, "release_in_parts", refuse)
    office.step()
    left = outside.read(jobs.place_of(place), lambda doc: doc["scripts"])
    assert (scripted, left) == ([2], [])
    paid.refresh_from_db()
    assert paid.status == "RELEASED", "as a whole"


def test_what_our_people_are_refused_with_is_in_the_sandboxs_own_document(sandbox: Sandbox) -> None:
    document = yaml.load(httpx.get(f"{sandbox.web.url}/api/schema/", timeout=60).content, Loader=yaml.CSafeLoader)
    responses = document["paths"]["/api/v1/sandbox/client/acts"]["post"]["responses"]
    for mode, done, act, status, code in (
        ("CREDIT", "call", "call", 409, "call_open"),
        ("CREDIT", "restrict", "restrict", 422, "not_stricter"),
        ("CREDIT", "freeze", "suspend", 422, "not_stricter"),
        ("CREDIT", "approve", "default", 422, "nothing_to_close_out"),
        ("PREFUNDED", "approve", "call", 404, "not_found"),
    ):
        firm = Firm(sandbox, mode)
        firm.act(done)
        with pytest.raises(Refused) as no:
            firm.act(act)
        assert (no.value.status, no.value.code) == (status, code)
        assert code in responses[str(status)]["description"]


@pytest.mark.parametrize("act", ["expire_key", "list_member", "clear_member", "suspend"])
def test_nobody_does_it_outside_of_a_sandbox(act: str, transactional_db: None) -> None:
    acme = world.firm("acme")
    with pytest.raises(SandboxOnly):
        stage_test_client(actor=acme.trader, act=act, thing_id=acme.trader.key_id if act == "expire_key" else acme.trader.id)
    with pytest.raises(SandboxOnly):
        release_in_parts(instruction_id=ids.uuid7(), largest=D(1))
