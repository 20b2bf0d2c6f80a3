"""A refusal that can be brought about is brought about: the platform refuses by itself, and what refused it is gone with the answer."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from django.test import RequestFactory
from flowdesk_client import Client, Refused

from apps.api.sandbox import door
from apps.clients.models import Account, Authority, Counterparty, Terms
from apps.core import clock
from apps.credit.models import AssetMark, Breach, Line
from apps.pricing.models import Halt
from apps.workflows.stage_cause import CAUSES
from tests import web as webs

from .sandbox import Sandbox, ask
from .test_sandbox_asked import CODES

pytestmark = pytest.mark.django_db(transaction=True)
RFQ = {"instrument": "BTC-USD", "side": "buy", "quantity": "1"}
ASKING = {
    "account_unavailable", "not_risk_reducing", "trading_halted", "fair_use", "not_entitled", "dealing_limit_exceeded", "key_cap_exceeded",
    "insufficient_balance", "instrument_not_allowed", "quote_inconsistent", "credit_exceeded", "credit_breached", "cap_exceeded",
    "mark_stale", "past_cutoff", "busy",
}  # fmt: skip
TAKING = {
    "account_unavailable", "not_entitled", "dealing_limit_exceeded", "key_cap_exceeded",
    "quote_expired", "quote_answered", "quote_withdrawn", "quote_superseded",
}  # fmt: skip
OTHERS = {"rfq_closed", "no_word", "no_settlement_authority"}


def refused(client: Client, path: str, body: dict[str, Any], key: str) -> Refused:
    with pytest.raises(Refused) as no:
        client.api.post(path, body, idempotency_key=f"{key:x<20}")
    return no.value


def standing() -> list[Any]:
    """All that a cause moves, as it stands."""
    rows: list[Any] = [clock.desk_now()]
    for model in (Account, Authority, Counterparty, Terms, AssetMark, Breach, Line, Halt):
        rows.append(list(model.objects.order_by("pk").values()))
    return rows


def test_asking_is_refused_by_its_cause_and_nothing_of_it_stays(sandbox: Sandbox) -> None:
    ask(sandbox.first)
    before = standing()
    for code in sorted(ASKING):
        with sandbox.as_scenario(code) as client:
            no = refused(client, "/api/v1/rfqs", RFQ | {"client_rfq_id": code}, code)
            assert no.code == code
            if code in {"busy", "fair_use"}:  # nothing is stored: it passes the next time
                continue
            assert no.problem["scenario"] == "caused", no.problem
            assert refused(client, "/api/v1/rfqs", RFQ | {"client_rfq_id": code}, code).problem == no.problem
        found = sandbox.first.by_client_id.get(code)
        assert (found.outcome, found.answer["code"]) == ("refused", code)
        assert standing() == before, code
    told = [event["data"]["code"] for event in sandbox.first.api.get("/api/v1/events")["data"] if event["type"] == "rfq.refused"]
    assert told == sorted(ASKING - {"busy", "fair_use"})
    assert ask(sandbox.first).status == "QUOTED"


def test_an_accept_is_refused_by_its_cause_and_the_quote_still_deals(sandbox: Sandbox) -> None:
    quote = ask(sandbox.first).quote
    assert quote is not None
    assert quote.buy is not None
    before = standing()
    path, body = f"/api/v1/quotes/{quote.id}/accept", {"side": "buy", "price": str(quote.buy.price)}
    for code in sorted(TAKING):
        with sandbox.as_scenario(code) as client:
            no = refused(client, path, body | {"client_order_id": code}, code)
        assert (no.code, no.problem.get("scenario")) == (code, "caused"), no.problem
        assert sandbox.first.by_client_id.get(code).outcome == "refused"
        assert standing() == before, code
    assert sandbox.first.quotes.get(quote.id).status == "OPEN"
    assert sandbox.first.quotes.accept(quote.id, side="buy", price=quote.buy.price).quantity == 1
    with sandbox.as_scenario("quote_withdrawn") as client:  # it cannot befall: what is so in life is told
        assert refused(client, path, body | {"client_order_id": "late"}, "late").problem["scenario"] == "in_its_place"


def test_what_else_has_a_cause(sandbox: Sandbox) -> None:
    rfq = ask(sandbox.as_scenario("expire"))
    with sandbox.as_scenario("rfq_closed") as client:
        no = refused(client, f"/api/v1/rfqs/{rfq.id}/cancel", {}, "rfq_closed")
        assert (no.code, no.problem["scenario"]) == ("rfq_closed", "caused")
    assert sandbox.first.rfqs.cancel(rfq.id).status == "CANCELLED"
    plan = f"/api/v1/rfqs/{rfq.id}/allocations"
    with sandbox.as_scenario("no_word") as client, pytest.raises(Refused) as refusal:
        client.api.call("DELETE", plan, body={})
    assert (refusal.value.code, refusal.value.problem["scenario"]) == ("no_word", "caused")
    with sandbox.as_scenario("credit_exceeded") as client:  # what writes nothing has nothing to be refused
        no = refused(client, "/api/v1/rfqs/validate", RFQ, "validate")
        assert (no.code, no.problem["scenario"]) == ("credit_exceeded", "at_the_door")
    quote = ask(sandbox.first).quote
    assert quote is not None
    assert quote.buy is not None
    deal = sandbox.first.quotes.accept(quote.id, side="buy", price=quote.buy.price)
    with sandbox.as_scenario("no_word") as client:
        no = refused(client, f"/api/v1/trades/{deal.id}/dispute", {"version": 1, "reason": "PRICE", "detail": "no"}, "no_word")
        assert (no.code, no.problem.get("scenario")) == ("no_word", "caused"), no.problem
    with sandbox.as_scenario("no_settlement_authority", webs.key_for(sandbox.treasury(), ("read", "settle", "withdraw"))) as client:
        body = {"asset": "BTC", "amount": "1", "client_reference": "w-1"}
        no = refused(client, "/api/v1/withdrawals", body, "no_settlement_authority")
        assert (no.code, no.problem.get("scenario")) == ("no_settlement_authority", "caused"), no.problem


def test_what_the_way_here_does_to_a_request(sandbox: Sandbox) -> None:
    for code, status in (("invalid_signature", 401), ("length_required", 411), ("body_too_large", 413),
                         ("unsupported_media_type", 415), ("not_acceptable", 406), ("ip_not_allowed", 403)):  # fmt: skip
        with sandbox.as_scenario(code) as client:
            no = refused(client, "/api/v1/rfqs", RFQ | {"client_rfq_id": code}, code)
        assert (no.code, no.status, "scenario" in no.problem) == (code, status, False)
        assert sandbox.first.by_client_id.get(code).outcome == "unknown_yet"


def test_what_stores_nothing_in_life_leaves_its_key_unused(sandbox: Sandbox) -> None:
    for code in ("idempotency_key_reused", "scope_missing"):
        with sandbox.as_scenario(code) as client:
            no = refused(client, "/api/v1/rfqs", RFQ | {"client_rfq_id": code}, code)
        assert (no.code, no.problem["scenario"]) == (code, "at_the_door")
        made = sandbox.first.api.post("/api/v1/rfqs", RFQ | {"client_rfq_id": code}, idempotency_key=f"{code:x<20}")
        assert made["status"] == "QUOTED"


def test_who_is_made_to_come_from_elsewhere_comes_from_a_place_of_its_own() -> None:
    def place(address: str) -> str:
        request = RequestFactory().get("/api/v1/time", REMOTE_ADDR=address)
        door._come_from_elsewhere(request)
        return str(request.META["REMOTE_ADDR"])

    places = [place("203.0.113.7"), place("203.0.113.8"), place("2001:db8::7")]
    assert len(set(places)) == 3, "what one tester does to its allowance is not another's"
    assert all(one in ip_network("2001:db8::/32") for one in map(ip_address, places))
    assert place("203.0.113.7") == places[0]


def test_every_cause_is_tried() -> None:
    assert set(CAUSES) == ASKING | TAKING | OTHERS | {code for codes in CODES.values() for code in codes.split()}
