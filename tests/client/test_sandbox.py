"""A sandbox forces every state and every refusal: by header, by magic quantity, by its simulated people and by its clock."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.http import HttpResponse
from flowdesk_client import Client, Key, Refused

from apps.api.errors_page import rows
from apps.api.sandbox import door
from apps.api.sandbox.scenarios import OUTCOMES, SCENARIOS, SCRIPTS, Kind, Scenario
from apps.clients.models import Account, ApiKey
from apps.core.actor import SYSTEM
from apps.jobs import rfqs as rfq_jobs
from apps.jobs import settlement as jobs
from apps.rfqs.rules import REJECTIONS
from apps.settlement import queries as settlement
from apps.workflows.stage_acts import ACTS
from apps.workflows.stage_cause import CAUSES
from apps.workflows.stage_test_client import TO_CLIENT
from flowdesk.sandbox.backoffice import BackOffice
from flowdesk.sandbox.trader import Trader
from tests import web as webs
from tests import world

from .sandbox import HEADER, Sandbox, ask

pytestmark = pytest.mark.django_db(transaction=True)
D = Decimal


def magic(one: Scenario) -> Decimal:
    return D(f"1.00{one.magic:02}")


def test_the_trader_does_what_each_request_says(sandbox: Sandbox) -> None:
    now = [D(0)]
    trader = Trader(clock=lambda: now[0])
    asked = {}
    for name in SCRIPTS:
        asked[name] = ask(sandbox.as_scenario(name))
        asked[f"{name} by magic"] = ask(sandbox.first, magic(SCENARIOS[name]))
    assert {rfq.status for rfq in asked.values()} == {"RECEIVED"}
    seen: dict[str, list[str]] = {}
    for at in ("0", "0.6", "1.6", "5.1"):
        now[0] = D(at)
        trader.step()
        for name, rfq in asked.items():
            found = sandbox.first.rfqs.get(rfq.id)
            seen.setdefault(name, []).append(found.status + (f" {found.quote.number} {found.quote.status}" if found.quote else ""))
    wait, one, two = "RECEIVED", "QUOTED 1 OPEN", "QUOTED 2 OPEN"
    wanted = {
        "manual": [wait, one, one, one],
        "slow": [wait, wait, wait, one],
        "expire": [wait] * 4,
        "hold": [wait, "ON_HOLD", "ON_HOLD", one],
        "withdrawn": [wait, one, "PICKED_UP 1 WITHDRAWN", "PICKED_UP 1 WITHDRAWN"],
        "superseded": [wait, one, two, two],
        **{f"reject_{code}": [wait, "REJECTED", "REJECTED", "REJECTED"] for code in REJECTIONS},
    }
    assert seen == {name + how: states for name, states in wanted.items() for how in ("", " by magic")}
    for code in REJECTIONS:
        assert sandbox.first.rfqs.get(asked[f"reject_{code}"].id).reason == code
    sandbox.advance(61)
    rfq_jobs.sweep_rfqs()
    assert sandbox.first.rfqs.get(asked["expire"].id).status == "EXPIRED"


@pytest.mark.drill
def test_every_refusal_of_the_page_can_be_had(sandbox: Sandbox) -> None:
    listed = [row for row in rows() if SCENARIOS[row["code"]].kind is Kind.REFUSAL]
    assert len(listed) > 100
    body = {"instrument": "BTC-USD", "side": "buy", "quantity": "1"}
    for row in listed:
        with sandbox.as_scenario(row["code"]) as client, pytest.raises(Refused) as no:
            client.api.post("/api/v1/rfqs", body | {"client_rfq_id": row["code"]}, idempotency_key=f"{row['code']:x<20}")
        assert (no.value.code, no.value.status, no.value.retry) == (row["code"], int(row["status"]), row["retry"])
    for one in SCENARIOS.values():
        if one.kind is Kind.REFUSAL and one.magic:
            with pytest.raises(Refused) as no:
                ask(sandbox.first, magic(one))
            assert no.value.code == one.name
    assert len({one.magic for one in SCENARIOS.values() if one.magic}) == sum(one.magic > 0 for one in SCENARIOS.values())


def test_a_forced_refusal_is_stored_told_and_found_as_a_real_one_is(sandbox: Sandbox) -> None:
    for code in ("credit_exceeded", "trading_halted"):
        with sandbox.as_scenario(code) as client:
            seen = [_refused(client, code) for _ in range(2)]
        assert (seen[0].code, seen[0].problem["scenario"], seen[0].problem) == (code, "caused", seen[1].problem)
        outcome = sandbox.first.by_client_id.get(f"forced-{code}")
        assert (outcome.outcome, outcome.status) == ("refused", 422)
        assert _refused(sandbox.first, code).problem == seen[0].problem, "stored: without the header too"
    told = [event for event in sandbox.first.api.get("/api/v1/events")["data"] if event["type"] == "rfq.refused"]
    assert [event["data"]["code"] for event in told] == ["credit_exceeded", "trading_halted"]


def test_what_ends_a_request_before_the_rules_of_the_desk_is_what_it_is_told(sandbox: Sandbox) -> None:
    body: dict[str, Any] = {"instrument": "BTC-USD", "side": "buy", "quantity": "1", "client_rfq_id": "early"}
    good = sandbox.first.api.key
    reads = webs.key_for(world.actor_of(Account.objects.get(code="walker-main"), "Trader"), ("read",))
    slow = webs.key_for(world.actor_of(Account.objects.get(code="walker-main"), "Trader"))
    ApiKey.objects.filter(key_id=slow.key_id).update(limits={"requests": "1/1d"})
    for name in ("credit_exceeded", "trading_halted"):
        for key, asked, wanted in (
            (Key(good.key_id, reads.private), body, (401, "invalid_signature")),
            (good, {}, (400, "invalid_request")),
            (reads, body, (403, "scope_missing")),
        ):
            for _ in range(2):
                with sandbox.as_scenario(name, key) as client, pytest.raises(Refused) as no:
                    client.api.post("/api/v1/rfqs", asked, idempotency_key=f"{name}{wanted[0]:x<20}")
                assert ((no.value.status, no.value.code), "scenario" in no.value.problem) == (wanted, False)
    for wanted in ((422, "credit_exceeded"), (429, "rate_limited")):
        with sandbox.as_scenario("credit_exceeded", slow) as client, pytest.raises(Refused) as no:
            client.api.post("/api/v1/rfqs", body | {"client_rfq_id": f"s{wanted[0]}"}, idempotency_key=f"slow{wanted[0]:x<20}")
        assert (no.value.status, no.value.code) == wanted
    dealt = sandbox.first.api.post("/api/v1/rfqs", body | {"client_rfq_id": "d"}, idempotency_key="d" * 20)
    with sandbox.as_scenario("credit_exceeded") as client:
        assert client.api.post("/api/v1/rfqs", body | {"client_rfq_id": "d"}, idempotency_key="d" * 20) == dealt, "its key has an answer"


def _refused(client: Client, code: str) -> Refused:
    with pytest.raises(Refused) as no:
        client.rfqs.create(instrument="BTC-USD", side="buy", quantity=D(1), client_rfq_id=f"forced-{code}", idempotency_key=f"{code:x<20}")
    return no.value


def test_our_people_do_to_a_testers_own_client_what_it_asks_for(sandbox: Sandbox) -> None:
    own = Client(sandbox.web.url, sandbox.fresh(), attempts=1)

    def act(name: str) -> dict[str, Any]:
        return dict(own.api.post("/api/v1/sandbox/client/acts", {"act": name}))

    quote = ask(own).quote
    assert quote is not None
    assert act("restrict")["status"] == "RESTRICTED"
    assert own.quotes.get(quote.id).status == "WITHDRAWN"
    assert [act(name)["status"] for name in ("approve", "suspend", "freeze", "approve")] == ["APPROVED", "SUSPENDED", "FROZEN", "APPROVED"]
    called = act("call")
    assert own.api.get(f"/api/v1/exposure-calls/{called['exposure_call_id']}")["status"] == "ISSUED"
    with pytest.raises(Refused) as no:
        act("call")
    assert no.value.code == "call_open"
    act("meet_call")
    assert own.api.get(f"/api/v1/exposure-calls/{called['exposure_call_id']}")["status"] == "MET"
    assert act("freeze")["status"] == "FROZEN"
    with pytest.raises(Refused) as no:
        act("restrict")
    assert no.value.code == "not_stricter"


def test_the_page_has_every_scenario() -> None:
    page = (webs.ROOT / "docs/sandbox.md").read_text()
    assert {code for row in re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", page, re.M) for code in re.findall(r"\w+", row)} >= set(CAUSES)
    for one in SCENARIOS.values():
        number = f".00{one.magic:02}" if one.magic else ""
        if one.kind is not Kind.REFUSAL:
            assert f"| `{one.name}` | {number} | {one.about} |" in page
        elif number:
            assert f"| `{one.name}` | {number} |" in page


def test_the_page_has_every_act() -> None:
    page = (webs.ROOT / "docs/sandbox.md").read_text()
    for name, one in ACTS.items():
        assert f"| {one.about} |" in next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
    for name in TO_CLIENT:
        assert f"`{name}`" in page


def test_what_may_be_sent_again_passes_the_second_time(sandbox: Sandbox) -> None:
    for name in ("busy", "rate_limited", "internal_error", "outcome_unknown", "outcome_unknown_lost"):
        with sandbox.as_scenario(name, attempts=2, sleep=lambda _: None) as client:
            assert ask(client).status == "QUOTED", name
    with sandbox.as_scenario("outcome_unknown") as client:
        with pytest.raises(Refused) as no:
            ask(client)
        assert sandbox.first.outcome_of(no.value, wait_s=0).outcome == "answered"
    with sandbox.as_scenario("outcome_unknown_lost") as client:
        with pytest.raises(Refused) as no:
            ask(client)
        assert sandbox.first.outcome_of(no.value, wait_s=0).outcome == "unknown_yet"
    with sandbox.as_scenario("nonsense") as client, pytest.raises(Refused) as no:
        ask(client)
    assert (no.value.status, no.value.code) == (400, "invalid_request")


def test_the_book_that_a_request_sees(sandbox: Sandbox) -> None:
    for client, size in ((sandbox.as_scenario("price_stale"), D(1)), (sandbox.first, magic(SCENARIOS["price_stale"]))):
        assert ask(client, size).status == "RECEIVED"  # too old for a machine: a person prices
    for client, size in ((sandbox.as_scenario("price_unavailable"), D(1)), (sandbox.first, magic(SCENARIOS["price_unavailable"]))):
        with pytest.raises(Refused) as no:
            ask(client, size)
        assert no.value.code == "price_unavailable"
    order: dict[str, Any] = {"instrument": "BTC-USD", "side": "buy", "quantity": D(1), "limit_price": D(20500), "time_in_force": "FOK"}
    for name, code in (("price_away", "price_not_met"), ("price_stale", "price_not_met")):
        with sandbox.as_scenario(name) as client, pytest.raises(Refused) as no:
            client.orders.create(**order)
        assert no.value.code == code
    assert sandbox.first.orders.create(**order).price < 20500


def test_quotes_expire_when_the_clock_is_moved_and_it_never_goes_back(sandbox: Sandbox) -> None:
    quote = ask(sandbox.first).quote
    assert quote is not None
    assert quote.buy is not None
    sandbox.advance(3600)
    with pytest.raises(Refused) as no:
        sandbox.first.quotes.accept(quote.id, side="buy", price=quote.buy.price)
    assert no.value.code == "quote_expired"
    with pytest.raises(Refused) as no:
        sandbox.first.api.post("/api/v1/sandbox/clock", {"advance_s": -1})
    assert no.value.errors[0]["pointer"] == "/advance_s"


@pytest.mark.drill
def test_money_comes_and_goes_as_it_is_said(sandbox: Sandbox) -> None:
    """Each scenario on a fresh client that sells: it owes us BTC, we owe it USD."""
    office = BackOffice()
    names = ["", "settle_late", "settle_partial", "settle_default", "settle_stranger", *OUTCOMES]
    elsewhere = {"settle_third_party", "settle_recalled", "pay_parts"}  # test_sandbox_states.py
    assert set(names) - {""} | elsewhere == {one.name for one in SCENARIOS.values() if one.kind in {Kind.MONEY_IN, Kind.MONEY_OUT}}
    clients = {name: sandbox.as_scenario("", sandbox.fresh()) for name in names}
    for number, name in enumerate(names):
        quote = ask(clients[name], D("1.5") + D(number) / 10, "sell").quote
        assert quote is not None
        assert quote.sell is not None
        with sandbox.as_scenario(name, clients[name].api.key) as client:
            client.quotes.accept(quote.id, side="sell", price=quote.sell.price)
    seen: dict[str, dict[str, int]] = {name: {} for name in names}  # state → the round in which it was first seen
    for turn in range(11):
        sandbox.advance(6 * 3600)
        for _ in range(2):
            jobs.run_all()
            office.step()
        for name in names:
            for one in clients[name].instructions.list():  # pay and receive are the client's
                seen[name].setdefault(f"{one.direction} {one.status}", turn)
            for net_set in clients[name].settlements.list():
                seen[name].setdefault(net_set.status, turn)
    for name in ("", "settle_late", "pay_return", "pay_reject", "pay_slow", "pay_split", "pay_unknown"):
        assert {"receive SETTLED", "pay RECEIVED", "SETTLED"} <= set(seen[name]), name
    assert seen["settle_late"]["pay RECEIVED"] >= seen[""]["pay RECEIVED"] + 4  # a day
    assert "pay PART_RECEIVED" in seen["settle_partial"]
    for name in ("settle_partial", "settle_default", "settle_stranger"):
        assert "SETTLED" not in seen[name], name
        assert "pay RECEIVED" not in seen[name], name
    assert "receive RETURNED" in seen["pay_return"]
    assert "receive FAILED" in seen["pay_reject"]
    assert "QUARANTINED" in {one.status for one in settlement.list_receipts(SYSTEM)}


def test_it_is_there_in_a_sandbox_only(line: Any, acme: world.Firm) -> None:
    with Client(line.url, webs.key_for(acme.trader), headers={HEADER: "credit_exceeded"}, attempts=1) as client:
        assert ask(client).status == "QUOTED"
        for path in ("/api/v1/sandbox/clock", "/api/v1/sandbox/clients"):
            with pytest.raises(Refused) as no:
                client.api.post(path, {"advance_s": 1})
            assert no.value.status == 404


@pytest.mark.parametrize("answer", [b"%PDF-1.7", b"[]", b"{}", b'{"id": 1}', b'{"id": "wdr_01m82caqccetaba45n1eshq3f7"}'])
def test_a_scenario_notes_nothing_of_an_answer_about_something_else(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file, or another kind of thing: the answer is given as it is, and does not fail after its effect."""
    monkeypatch.setattr(door.notes, "write", lambda *_: pytest.fail("noted"))
    door._note("RFQ", "id", "rfq", SCENARIOS["manual"], HttpResponse(answer))
