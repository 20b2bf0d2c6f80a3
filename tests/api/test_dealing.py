"""RFQ, accept, trades, balances and events over signed HTTP, and every refusal with its code."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from flowdesk_client import Api, Refused, sign

from apps.core import clock, db, ids
from apps.pricing.feeds import bus
from apps.rfqs.models import Rfq
from apps.trades.models import Trade
from tests import lines, world
from tests import web as webs
from tests.stories.test_blocks import open_account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme(web: webs.Web) -> world.Firm:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])
    return world.firm("acme")


@pytest.fixture
def api(web: webs.Web, acme: world.Firm) -> Api:
    return webs.api(web, acme.trader, attempts=1)


def ask(api: Api, reference: str = "r-1", **changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"client_rfq_id": reference, "instrument": "BTC-USD", "side": "buy", "quantity": "2"} | changes
    return api.post("/api/v1/rfqs", {name: value for name, value in body.items() if value is not None})


def refused(call: Any) -> Refused:
    with pytest.raises(Refused) as no:
        call()
    return no.value


def test_a_quote_is_accepted_and_shows_everywhere(api: Api) -> None:
    rfq = ask(api)
    assert (rfq["status"], rfq["quote"]["firm"]) == ("QUOTED", True)
    price = rfq["quote"]["buy"]["price"]
    trade = api.post(f"/api/v1/quotes/{rfq['quote']['id']}/accept", {"client_order_id": "o-1", "side": "buy", "price": price})
    assert (trade["price"], trade["quantity"], trade["client_pays"]["asset"]) == (price, "2", "USD")
    assert api.get("/api/v1/trades")["data"] == [trade]
    assert api.get(f"/api/v1/trades/{trade['id']}") == trade
    assert api.get(f"/api/v1/rfqs/{rfq['id']}")["status"] == "FILLED"
    balances = {row["asset"]: row for row in api.get("/api/v1/balances")["data"]}
    assert (balances["BTC"]["payable"], balances["USD"]["receivable"]) == ("2", trade["client_pays"]["amount"])
    events = api.get("/api/v1/events")["data"]
    assert [(e["seq"], e["type"]) for e in events] == [(1, "rfq.quoted"), (2, "quote.accepted"), (3, "trade.booked")]
    assert events[2]["data"] == trade


def test_the_same_key_gets_the_same_bytes(api: Api) -> None:
    key = "k" * 20
    body = {"client_rfq_id": "r-1", "instrument": "BTC-USD", "side": "two_way", "quantity": "1"}
    first = api.post("/api/v1/rfqs", body, idempotency_key=key)
    assert api.post("/api/v1/rfqs", body, idempotency_key=key) == first
    assert Rfq.objects.count() == 1
    no = refused(lambda: api.post("/api/v1/rfqs", body | {"quantity": "2"}, idempotency_key=key))
    assert (no.status, no.code) == (422, "idempotency_key_reused")


def test_a_refusal_is_stored_counted_and_replayed(api: Api) -> None:
    key = "k" * 20
    body = {"client_rfq_id": "r-1", "instrument": "BTC-USD", "side": "buy", "quantity": "499"}
    first = refused(lambda: api.post("/api/v1/rfqs", body | {"quantity": "600"}, idempotency_key=key))
    again = refused(lambda: api.post("/api/v1/rfqs", body | {"quantity": "600"}, idempotency_key=key))
    assert (first.status, first.code) == (again.status, again.code) == (422, "quantity_out_of_range")
    assert [e["type"] for e in api.get("/api/v1/events")["data"]] == ["rfq.refused"]
    assert api.get("/api/v1/by-client-id/r-1")["outcome"] == "refused"
    assert Rfq.objects.count() == 0


@pytest.mark.parametrize(
    ("changes", "status", "code", "pointer"),
    [
        ({"instrument": "DOGE-USD"}, 422, "unknown_instrument", "/instrument"),
        ({"quantity": "0"}, 400, "not_positive", "/quantity"),
        ({"quantity": "-1"}, 400, "invalid_amount", "/quantity"),
        ({"quantity": "NaN"}, 400, "invalid_amount", "/quantity"),
        ({"quantity": "1e400"}, 400, "invalid_amount", "/quantity"),
        ({"quantity": "1.123456789"}, 422, "too_many_decimals", "/quantity"),
        ({"quantity": "1.1234567890123456789"}, 400, "invalid_amount", "/quantity"),
        ({"quantity": "1", "quote_quantity": "1"}, 400, "exactly_one", "/quantity"),
        ({"quantity": None}, 400, "exactly_one", "/quantity"),
        ({"colour": "red"}, 400, "unknown_field", "/colour"),
        ({"side": "BUY"}, 400, "invalid_choice", "/side"),
        ({"ttl_ms": 120_001}, 400, "out_of_range", "/ttl_ms"),
        ({"client_rfq_id": "a b"}, 400, "invalid_reference", "/client_rfq_id"),
        ({"quantity": "0.00001"}, 422, "quantity_out_of_range", "/quantity"),
    ],
)
def test_bad_requests_name_what_and_where(api: Api, changes: dict[str, Any], status: int, code: str, pointer: str) -> None:
    no = refused(lambda: ask(api, **changes))
    assert no.status == status
    assert (pointer, code) in {(e["pointer"], e["code"]) for e in no.problem["errors"]}
    assert Rfq.objects.count() == 0
    assert lines.taken()[0] == lines.taken(lines.SETTLEMENT)[0] == 0


def test_a_foreign_quote_does_not_exist(web: webs.Web, api: Api) -> None:
    quote = ask(api)["quote"]
    mallory = webs.api(web, world.firm("mallory").trader, attempts=1)
    body = {"client_order_id": "o-1", "side": "buy", "price": quote["buy"]["price"]}
    theirs = refused(lambda: mallory.post(f"/api/v1/quotes/{quote['id']}/accept", body))
    nothing = refused(lambda: mallory.post("/api/v1/quotes/quo_00000000000000000000000000/accept", body))
    assert (theirs.status, theirs.code, theirs.problem["detail"]) == (nothing.status, nothing.code, nothing.problem["detail"])
    assert theirs.status == 404
    assert mallory.get("/api/v1/events")["data"] == []
    assert mallory.get("/api/v1/trades")["data"] == []
    for path in (f"/api/v1/rfqs/{quote['rfq_id']}", f"/api/v1/quotes/{quote['id']}"):
        assert refused(lambda path=path: mallory.get(path)).status == 404
    assert Trade.objects.count() == 0


def test_an_expired_quote_and_a_wrong_price_are_refused(api: Api) -> None:
    quote = ask(api)["quote"]
    path = f"/api/v1/quotes/{quote['id']}/accept"
    wrong = refused(lambda: api.post(path, {"client_order_id": "o-1", "side": "buy", "price": "1"}))
    assert (wrong.status, wrong.code) == (422, "price_mismatch")
    other = refused(lambda: api.post(path, {"client_order_id": "o-2", "side": "sell", "price": quote["buy"]["price"]}))
    assert other.code == "price_mismatch"
    clock.freeze_desk(world.NOON + timedelta(seconds=10))
    late = refused(lambda: api.post(path, {"client_order_id": "o-3", "side": "buy", "price": quote["buy"]["price"]}))
    assert (late.status, late.code) == (409, "quote_expired")
    assert Trade.objects.count() == 0


def test_a_client_that_is_not_approved_gets_no_price(api: Api, acme: world.Firm) -> None:
    db.run("UPDATE clients_account SET status = 'SUSPENDED'")
    assert refused(lambda: ask(api)).code == "account_unavailable"


def test_a_missing_price_is_refused_and_an_old_one_goes_to_a_person(api: Api) -> None:
    clock.freeze_desk(world.NOON + timedelta(seconds=6))
    rfq = ask(api)
    assert (rfq["status"], rfq["reason"]) == ("RECEIVED", "priced_by_a_person")
    assert "quote" not in rfq
    assert Rfq.objects.get().reasons == ["PRICE_AGE"]
    assert refused(lambda: ask(api, "r-2", instrument="ETH-USD")).code == "price_unavailable"


def test_past_the_line_is_refused_and_says_which_limit_binds(api: Api) -> None:
    lines.change_all("30000")
    no = refused(lambda: ask(api))
    assert (no.status, no.code, no.problem["binding"], no.problem["measure"]) == (422, "credit_exceeded", "CLIENT", "SETTLEMENT")


def test_a_used_client_id_is_refused(api: Api) -> None:
    ask(api)
    no = refused(lambda: ask(api))
    assert (no.status, no.code) == (409, "duplicate_client_rfq_id")


def test_a_large_one_waits_for_a_person(api: Api) -> None:
    rfq = ask(api, quantity="300")
    assert (rfq["status"], rfq["reason"], "quote" in rfq) == ("RECEIVED", "priced_by_a_person", False)
    assert lines.taken()[0] == lines.taken(lines.SETTLEMENT)[0] == 0


def test_bad_and_replayed_signatures_are_refused(web: webs.Web, acme: world.Firm) -> None:
    key = webs.key_for(acme.trader)
    host = web.url.removeprefix("http://")
    headers = sign(key, method="GET", host=host, path="/api/v1/trades", query="", body=None, idempotency_key="")
    assert httpx.get(f"{web.url}/api/v1/trades", headers=headers, timeout=60).status_code == 200
    replay = httpx.get(f"{web.url}/api/v1/trades", headers=headers, timeout=60)
    tampered = httpx.get(f"{web.url}/api/v1/balances", headers=headers, timeout=60)
    unsigned = httpx.get(f"{web.url}/api/v1/trades", timeout=60)
    for answer in (replay, tampered, unsigned):
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_signature")
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_key_without_the_scope_may_not(web: webs.Web, acme: world.Firm) -> None:
    reader = Api(web.url, webs.key_for(acme.trader, scopes=("read",), cidrs=()), attempts=1)
    assert refused(lambda: ask(reader)).code == "scope_missing"


def test_prefunded_client_needs_the_balance(web: webs.Web, acme: world.Firm) -> None:
    cygnus = webs.api(web, world.firm("cygnus", "PREFUNDED").trader, attempts=1)
    assert refused(lambda: ask(cygnus)).code == "insufficient_balance"


def test_unknown_paths_and_methods_are_problems(web: webs.Web, api: Api) -> None:
    assert refused(lambda: api.get("/api/v1/nothing")).code == "not_found"
    assert refused(lambda: api.post("/api/v1/trades", {})).code == "method_not_allowed"


def test_the_type_of_a_problem_is_a_page_that_explains_it(web: webs.Web, api: Api) -> None:
    no = refused(lambda: ask(api, instrument="DOGE-USD"))
    page, _, anchor = no.problem["type"].partition("#")
    answer = httpx.get(f"{web.url}{page}", timeout=60)
    assert answer.status_code == 200
    assert f'id="{anchor}"' in answer.text


def test_an_unstated_tenor_is_told_as_the_instruments_own(api: Api) -> None:
    assert ask(api)["tenor"] == "T+1"


def test_shares_are_planned_replaced_and_taken_back_over_the_wire(api: Api, web: webs.Web, acme: world.Firm) -> None:
    fund = open_account(firm=acme, name="alpha")
    manager = webs.api(web, world.actor_of(acme.account, "Trader"), attempts=1)
    rfq = ask(manager)
    at, share = f"/api/v1/rfqs/{rfq['id']}/allocations", {"account_id": ids.encode("acc", fund.id)}
    assert manager.get(at)["data"] == [] and refused(lambda: manager.delete(at)).code == "illegal_state"
    said = manager.post(at, {"allocations": [share | {"quantity": "1.5"}]})
    assert (said["status"], said["number"], said["allocations"]) == ("PLANNED", 1, [share | {"quantity": "1.5"}])
    assert manager.post(at, {"allocations": [share | {"percent": "50"}]})["number"] == 2
    assert [(one["status"], one["number"]) for one in manager.get(at)["data"]] == [("PLANNED", 2), ("REPLACED", 1)]
    assert manager.get(at)["data"][0]["allocations"] == [share | {"percent": "50"}]
    for wrong, pointer in (
        ({"quantity": "3"}, "/allocations"), ({"percent": "100.1"}, "/allocations"),
        ({"percent": "1", "quantity": "1"}, "/allocations/0/percent"),
    ):  # fmt: skip
        no = refused(lambda wrong=wrong: manager.post(at, {"allocations": [share | wrong]}))
        assert pointer in {no.problem.get("pointer"), *(one["pointer"] for one in no.problem.get("errors", []))}
    stranger = webs.api(web, world.firm("mallory").trader, attempts=1)
    for call in (
        lambda: stranger.get(at),
        lambda: stranger.post(at, {"allocations": [share | {"percent": "1"}]}),
        lambda: stranger.delete(at),
    ):
        assert refused(call).code == "not_found"
    assert manager.delete(at)["status"] == "WITHDRAWN" and manager.get(at)["data"][0]["status"] == "WITHDRAWN"
    manager.post(f"/api/v1/rfqs/{rfq['id']}/cancel", {})
    closed = (lambda: manager.post(at, {"allocations": [share | {"percent": "1"}]}), lambda: manager.delete(at))
    assert {(no.status, no.code) for no in map(refused, closed)} == {(409, "rfq_closed")}
