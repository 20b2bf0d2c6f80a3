"""What a request says, and what came before it, is made so for one request: every refusal that a client is told of by the API's page."""

from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flowdesk_client import Key, Refused
from flowdesk_client.keys import public_key_of

from apps.api.sandbox.door import _TAMPERED
from apps.api.sandbox.scenarios import SCENARIOS, Kind
from apps.clients import queries as clients
from apps.core.actor import Actor
from apps.instruments import queries as instruments
from apps.jobs import settlement as jobs
from apps.workflows.stage_cause import CAUSES
from flowdesk import demo_firms
from flowdesk.sandbox.backoffice import BackOffice
from tests import web as webs
from tests import world
from tests.guard.document import SCHEMA
from tests.guard.knock import check

from .sandbox import Firm, Sandbox, ask

pytestmark = pytest.mark.django_db(transaction=True)
D = Decimal
# They end a request before anything of it is done or stored.
AT_THE_DOOR = {"idempotency_in_progress", "scope_missing", "idempotency_key_reused"}
CODES = {
    "rfq": "quantity_out_of_range too_many_decimals unknown_instrument size_too_small ttl_out_of_range bad_allocation "
    "duplicate_client_rfq_id",
    "order": "quantity_out_of_range too_many_decimals unknown_instrument size_too_small price_not_met duplicate_client_order_id",
    "counter": "price_mismatch counter_not_better",
    "shares": "bad_allocation already_allocated not_allocatable",
    "dispute": "version_superseded already_disputed",
    "withdrawal": "bad_amount no_settlement_instruction duplicate_withdrawal",
    "approval of it": "second_member_needed not_withdrawable insufficient_balance illegal_state",
    "ssi": "bad_ssi ssi_known",
    "net set": "not_in_set",
    "key": "bad_public_key bad_lifetime too_many_keys not_your_key bad_scope bad_allow_list bad_cap",
    "next key": "bad_public_key bad_lifetime too_many_keys not_your_key key_ended",
    "wider key": "bad_scope bad_allow_list bad_cap key_ended approval_open not_your_key",
    "member": "not_an_admin",
    "webhook": "url_not_allowed too_many_endpoints",
    "ping": "endpoint_disabled",
    "hedge": "bad_hedge duplicate_execution no_prehedge_consent not_the_house",
}


def public_key() -> str:
    return public_key_of(Key("", Ed25519PrivateKey.generate()))


class Wrong:
    """What was not refused as it should be, of all that was tried."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.said, self.tried = sandbox, list[str](), set[str]()

    def ask(self, key: Key, codes: str, path: str, body: dict[str, Any], method: str = "POST") -> None:
        for code in codes.split():
            self.tried.add(code)
            with self.sandbox.as_scenario(code, key) as client:
                try:
                    answer = client.api.call(method, path, body=body)
                except Refused as no:
                    if (no.code, no.problem.get("scenario")) not in {(code, "caused"), (code, None if no.status == 403 else "caused")}:
                        self.said.append(f"{code} {path}: {no.problem}")
                else:
                    self.said.append(f"{code} {path}: {answer}")


def test_what_an_rfq_an_order_and_an_answer_say(sandbox: Sandbox) -> None:
    wrong, me = Wrong(sandbox), sandbox.first.api.key
    rfq = {"client_rfq_id": "r-1", "instrument": "BTC-USD", "side": "buy", "quantity": "1"}
    order = {
        "client_order_id": "o-1",
        "instrument": "BTC-USD",
        "side": "buy",
        "quantity": "1",
        "limit_price": "90000",
        "time_in_force": "FOK",
    }
    wrong.ask(me, CODES["rfq"], "/api/v1/rfqs", rfq)
    for number, code in enumerate(CODES["order"].split()):
        wrong.ask(me, code, "/api/v1/orders", order | {"client_order_id": f"o-{number}"})  # a refusal uses its reference up
    asked = ask(sandbox.first)
    assert asked.quote is not None
    assert asked.quote.buy is not None
    quote = f"/api/v1/quotes/{asked.quote.id}"
    answer = {"side": "buy", "price": str(asked.quote.buy.price)}
    wrong.ask(me, CODES["counter"], f"{quote}/counter", answer)
    wrong.ask(me, "price_mismatch", f"{quote}/accept", answer | {"client_order_id": "o-2"})
    check(wrong.said)
    assert sandbox.first.rfqs.create(instrument="BTC-USD", side="buy", quantity=D(1), client_rfq_id="never-asked").status == "QUOTED"
    deal = sandbox.first.quotes.accept(asked.quote.id, side="buy", price=asked.quote.buy.price)
    assert deal.status == "ACTIVE"


def test_what_comes_after_a_deal(sandbox: Sandbox) -> None:
    wrong, firm = Wrong(sandbox), Firm(sandbox)
    me, deal = firm.trader.api.key, f"/api/v1/trades/{firm.deal('2')}"
    share = {"allocations": [{"account_id": firm.second, "quantity": "1"}]}
    wrong.ask(me, CODES["shares"], f"{deal}/allocations", share)
    dispute = {"version": 1, "reason": "PRICE"}
    wrong.ask(me, CODES["dispute"], f"{deal}/dispute", dispute)
    wrong.ask(me, "version_superseded", f"{deal}/affirm", {"version": 1})
    check(wrong.said)
    assert firm.trader.api.post(f"{deal}/affirm", {"version": 1})["status"] == "AFFIRMED"
    assert firm.trader.api.post(f"{deal}/allocations", share)["data"][0]["status"] == "ACCEPTED"


def test_what_is_moved_and_where_to(sandbox: Sandbox) -> None:
    wrong, firm, office = Wrong(sandbox), Firm(sandbox), BackOffice()
    treasury, controller = firm.treasury.api, firm.controller.api
    deposit = {"account_id": firm.account, "asset": "USD", "amount": "5000"}
    wrong.ask(treasury.key, "bad_amount", "/api/v1/deposits", deposit)
    treasury.post("/api/v1/deposits", deposit)
    for _ in range(2):
        sandbox.advance(6 * 3600)
        for act in (office.step, jobs.run_all):
            act()
    out = {"account_id": firm.account, "asset": "USD", "amount": "100", "client_reference": "w-1"}
    wrong.ask(treasury.key, CODES["withdrawal"], "/api/v1/withdrawals", out)
    made = treasury.post("/api/v1/withdrawals", out)
    path = f"/api/v1/withdrawals/{made['id']}"
    wrong.ask(controller.key, CODES["approval of it"], f"{path}/approve", {})
    wrong.ask(treasury.key, "illegal_state", f"{path}/cancel", {})
    ssi = {"account_id": firm.account, "asset": "EUR", "rail": "target-eur", "address": "DE02120300000000202051", "bic": "BYLADEM1001"}
    wrong.ask(treasury.key, CODES["ssi"], "/api/v1/ssis", ssi)
    kept = treasury.post("/api/v1/ssis", ssi)
    wrong.ask(controller.key, "second_member_needed illegal_state", f"/api/v1/ssis/{kept['id']}/approve", {})
    check(wrong.said)
    assert controller.post(f"{path}/approve", {})["status"] == "HELD"


def test_a_net_set(sandbox: Sandbox) -> None:
    wrong, firm = Wrong(sandbox), Firm(sandbox)
    firm.deal()
    while not (found := firm.treasury.api.get("/api/v1/settlements")["data"]):
        sandbox.advance(12 * 3600)
        jobs.freeze_due()
    path = f"/api/v1/settlements/{found[0]['id']}"
    line = firm.treasury.api.get(path)["lines"][0]["id"]
    wrong.ask(firm.treasury.api.key, CODES["net set"], f"{path}/dispute", {"lines": [{"obligation_id": line, "reason": "not ours"}]})
    check(wrong.said)


def test_keys_and_webhooks(sandbox: Sandbox) -> None:
    wrong, firm = Wrong(sandbox), Firm(sandbox)
    admin, trader = firm.treasury.api.key, firm.trader.api.key
    new = {"public_key": public_key(), "scopes": ["read"]}
    wrong.ask(admin, CODES["key"], "/api/v1/keys", new)
    wrong.ask(admin, CODES["next key"], f"/api/v1/keys/{trader.key_id}/rotate", {"public_key": public_key()})
    widen = {"scopes": ["read"]}
    wrong.ask(admin, CODES["wider key"], f"/api/v1/keys/{trader.key_id}/widen", widen)
    wrong.ask(admin, "not_your_key", f"/api/v1/keys/{trader.key_id}/revoke", {})
    member = next(one["member_id"] for one in firm.treasury.api.get("/api/v1/keys")["data"] if one["key_id"] == trader.key_id)
    wrong.ask(admin, CODES["member"], f"/api/v1/members/{member}/close", {})
    wrong.ask(trader, CODES["webhook"], "/api/v1/webhooks", {"url": "https://hooks.example.com/x"})
    hook = f"/api/v1/webhooks/{firm.trader.api.post('/api/v1/webhooks', {'url': 'https://hooks.example.com/x'})['id']}"
    wrong.ask(trader, "url_not_allowed", hook, {"url": "https://hooks.example.com/y"}, "PATCH")
    wrong.ask(trader, "too_many_endpoints", hook, {"status": "ACTIVE"}, "PATCH")
    wrong.ask(trader, CODES["ping"], f"{hook}/ping", {})
    check(wrong.said)
    assert firm.trader.api.get(hook)["status"] == "ACTIVE"
    assert [one["status"] for one in firm.treasury.api.get("/api/v1/keys")["data"]] == ["ACTIVE"] * 3


def test_a_hedge_of_our_own_systems(sandbox: Sandbox) -> None:
    member = clients.get_member(clients.get_house(instruments.get_entity("flowdesk").id).id)
    key = webs.key_for(Actor(kind="MEMBER", id=member.id, name=member.name, client_id=member.counterparty_id), scopes=("hedge",))
    wrong, asked = Wrong(sandbox), ask(sandbox.first)
    hedge = {
        "counterparty": demo_firms.OTHERS[0].code, "book": "main", "execution_id": "x-1", "instrument": "BTC-USD", "side": "buy",
        "quantity": "1.5", "price": "20001", "executed_at": world.NOON.isoformat(),
    }  # fmt: skip
    wrong.ask(key, CODES["hedge"], "/api/v1/hedges", hedge)
    check(wrong.said)
    with sandbox.as_scenario("", key) as client:
        assert client.api.post("/api/v1/hedges", hedge)["status"] == "UNCONFIRMED"
    assert asked.status == "QUOTED"


def test_every_refusal_of_the_apis_page_has_a_cause_or_a_reason() -> None:
    named = {one.name for one in SCENARIOS.values() if one.kind is not Kind.REFUSAL}
    told = {
        code
        for path in SCHEMA["paths"].values()
        for operation in path.values()
        for status, answer in operation.get("responses", {}).items()
        if status in {"403", "409", "422"}
        for code in answer["content"]["application/problem+json"]["examples"]
    }
    assert len(told) > 60
    assert told - CAUSES.keys() - named - _TAMPERED.keys() == AT_THE_DOOR
