"""The table of idempotency in docs/api.md, line by line, from outside."""

import hashlib
from datetime import timedelta
from typing import Any

import httpx
import orjson
import psycopg
import pytest
from flowdesk_client import Api
from flowdesk_client.signing import sign

from apps.core import clock, db, ids
from apps.pricing.feeds import bus
from tests import web as webs
from tests import world
from tests.api.test_dealing import ask, refused
from tests.engines import superuser

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "k" * 20
RFQ = {"client_rfq_id": "r-1", "instrument": "BTC-USD", "side": "buy", "quantity": "2"}
HUGE = {"client_rfq_id": "r-1", "instrument": "BTC-USD", "side": "buy", "quantity": "600"}


@pytest.fixture
def acme(web: webs.Web) -> world.Firm:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])
    return world.firm("acme")


@pytest.fixture
def api(web: webs.Web, acme: world.Firm) -> Api:
    return webs.api(web, acme.trader, attempts=1)


def send(web: webs.Web, api: Api, body: Any, path: str = "/api/v1/rfqs", key: str = KEY, **headers: str) -> httpx.Response:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    signed = sign(api.key, method="POST", host=web.url.removeprefix("http://"), path=path, body=raw, idempotency_key=key)
    return httpx.post(web.url + path, content=raw, headers=signed | headers, timeout=60)


def stored() -> int:
    return int(db.one("SELECT count(*) FROM core_storedanswer")[0])


def test_the_first_is_done_and_the_same_again_gets_the_same_bytes(web: webs.Web, api: Api) -> None:
    first, again = send(web, api, RFQ), send(web, api, RFQ)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.headers["X-Request-Id"] != again.headers["X-Request-Id"]
    assert db.one("SELECT count(*) FROM rfqs_rfq") == (1,)


@pytest.mark.parametrize("change", [{"quantity": "3"}, {"client_rfq_id": "r-2"}])
def test_the_same_key_for_another_request_is_refused_and_keeps_the_first(web: webs.Web, api: Api, change: dict[str, str]) -> None:
    first = send(web, api, RFQ)
    other = send(web, api, RFQ | change)
    assert (other.status_code, other.json()["code"], other.json()["retry"]) == (422, "idempotency_key_reused", "never")
    elsewhere = send(web, api, {}, path=f"/api/v1/rfqs/{first.json()['id']}/cancel")
    assert elsewhere.json()["code"] == "idempotency_key_reused"
    spaced = send(web, api, orjson.dumps(RFQ) + b" ")
    assert spaced.json()["code"] == "idempotency_key_reused", "bytes, not meaning"
    assert send(web, api, RFQ).content == first.content
    assert stored() == 1


def test_while_the_first_still_runs_the_second_is_told_to_come_again(web: webs.Web, api: Api, acme: world.Firm) -> None:
    lock = int.from_bytes(hashlib.sha256(acme.client_id.bytes + KEY.encode()).digest()[:8], signed=True)
    first: psycopg.Connection[Any] = superuser()
    first.execute("SELECT pg_advisory_lock(%s)", [lock])
    try:
        second = send(web, api, RFQ)
        assert (second.status_code, second.json()["code"]) == (409, "idempotency_in_progress")
        assert (second.headers["Retry-After"], second.json()["retry"]) == ("1", "after")
        assert (stored(), db.one("SELECT count(*) FROM rfqs_rfq")) == (0, (0,))
    finally:
        first.execute("SELECT pg_advisory_unlock(%s)", [lock])
    assert send(web, api, RFQ).status_code == 201


def test_what_a_rule_decided_is_stored_with_its_event_and_said_again(web: webs.Web, api: Api) -> None:
    first, again = send(web, api, HUGE), send(web, api, HUGE)
    assert (first.status_code, first.json()["code"]) == (422, "quantity_out_of_range")
    assert first.content == again.content, "with the first request's own id in it"
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["X-Request-Id"] != again.json()["request_id"]
    assert [event["type"] for event in api.get("/api/v1/events")["data"]] == ["rfq.refused"]
    quote = ask(api, "r-2")["quote"]
    path, body = f"/api/v1/quotes/{quote['id']}/accept", {"client_order_id": "o-1", "side": "buy", "price": quote["buy"]["price"]}
    clock.freeze_desk(world.NOON + timedelta(seconds=11))
    late = [send(web, api, body, path, key="l" * 20) for _ in range(2)]
    assert [one.status_code for one in late] == [409, 409]
    assert late[0].content == late[1].content


def test_what_no_rule_decided_is_not_stored_and_the_key_is_free(web: webs.Web, api: Api, acme: world.Firm) -> None:
    wrong: dict[int, httpx.Response] = {
        400: send(web, api, RFQ | {"quantity": "-1"}),
        401: send(web, api, RFQ, **{"Content-Digest": "sha-256=:AAAA:"}),
        403: send(web, Api(web.url, webs.key_for(acme.trader, scopes=("read",))), RFQ),
        404: send(web, api, RFQ | {"account_id": "acc_00000000000000000000000000"}),
        413: send(web, api, b"{" + b" " * 70_000 + b"}"),
    }
    db.run("""UPDATE clients_apikey SET limits = '{"rfqs": "0/s"}'""")
    wrong[429] = send(web, api, RFQ)
    db.run("UPDATE clients_apikey SET limits = '{}'")
    for status, answer in wrong.items():
        assert answer.status_code == status, answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert stored() == 0
    assert send(web, api, RFQ).status_code == 201


def test_a_fault_of_ours_undoes_all_and_the_same_request_is_safe_to_send_again(web: webs.Web, api: Api) -> None:
    hand = superuser()
    hand.execute("CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$")
    hand.execute("CREATE TRIGGER broken BEFORE INSERT ON rfqs_quote FOR EACH ROW EXECUTE FUNCTION broken()")
    try:
        fault = send(web, api, RFQ)
        assert (fault.status_code, fault.json()["code"], fault.json()["retry"]) == (500, "internal_error", "safe")
        assert "broken" not in fault.text
        assert (stored(), db.one("SELECT count(*) FROM events_event WHERE client_seq IS NOT NULL")) == (0, (0,))
    finally:
        hand.execute("DROP TRIGGER broken ON rfqs_quote")
        hand.execute("DROP FUNCTION broken()")
    assert send(web, api, RFQ).status_code == 201


def test_keys_are_unique_within_a_client_and_over_all_its_keys(web: webs.Web, api: Api, acme: world.Firm) -> None:
    first = send(web, api, RFQ)
    colleague = webs.api(web, acme.trader)
    assert send(web, colleague, RFQ).content == first.content
    rival = webs.api(web, world.firm("rival").trader)
    other = send(web, rival, RFQ)
    assert (other.status_code, other.json()["id"] != first.json()["id"]) == (201, True)


@pytest.mark.parametrize("key", ["short", "x" * 65, "with space 1234567", 'quoted"12345678901'])
def test_a_key_that_is_none_is_no_signature(web: webs.Web, api: Api, key: str) -> None:
    assert send(web, api, RFQ, key=key).status_code == 401


def test_an_id_of_the_clients_own_is_unique_whatever_the_key(api: Api) -> None:
    ask(api, "once")
    again = refused(lambda: ask(api, "once"))
    assert (again.status, again.code) == (409, "duplicate_client_rfq_id")


def test_an_outcome_is_found_by_the_clients_own_id(web: webs.Web, api: Api) -> None:
    send(web, api, RFQ)
    found = api.get("/api/v1/by-client-id/r-1")
    assert (found["outcome"], found["status"], found["answer"]["client_rfq_id"]) == ("answered", 201, "r-1")
    ago = {seconds: (clock.wall_now() - timedelta(seconds=seconds)).strftime("created=%Y-%m-%dT%H:%M:%SZ") for seconds in (30, 42)}
    for query, outcome in (("", "unknown_yet"), (ago[30], "unknown_yet"), (ago[42], "never_received")):
        path = "/api/v1/by-client-id/nobody"
        signed = sign(api.key, method="GET", host=web.url.removeprefix("http://"), path=path, query=query)
        answer = httpx.get(f"{web.url}{path}?{query}" if query else web.url + path, headers=signed, timeout=60)
        assert answer.json()["outcome"] == outcome
        assert ("Retry-After" in answer.headers) is (outcome == "unknown_yet")


def test_an_outcome_is_found_behind_a_later_one_of_the_same_reference_for_an_account_that_the_key_does_not_name(
    web: webs.Web, api: Api, acme: world.Firm
) -> None:
    """A withdrawal's reference is its account's own, and an order may be called as an RFQ was."""
    send(web, api, RFQ)
    other = orjson.dumps({"account_id": ids.encode("acc", ids.uuid7())})
    superuser().execute(
        "INSERT INTO core_storedanswer (id, scope_id, key, request_hash, status, body, reference, operation, recorded_at) "
        "VALUES (%s, %s, 'of-the-other-account', '\\x00', 201, %s, 'r-1', 'withdrawal', clock_timestamp())",
        [ids.uuid7(), acme.client_id, other],
    )
    found = api.get("/api/v1/by-client-id/r-1?created=2020-01-01T00:00:00Z")
    assert (found["outcome"], found["answer"]["client_rfq_id"]) == ("answered", "r-1")
