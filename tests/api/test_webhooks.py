"""Webhooks over signed HTTP: made, changed, rotated, tried and listed by their owner; to anybody else they do not exist."""

import logging
from base64 import b64decode
from functools import partial
from typing import Any

import pytest
from flowdesk_client import Api, Refused
from flowdesk_client.webhooks import VerificationError, verify

from apps.api.v1.event_types import TYPES
from apps.core import clock, db, ids
from apps.core.unit import use_case
from apps.events import operations as events
from apps.events.models import Event
from apps.jobs import webhooks as jobs
from apps.notify.models import Endpoint, Post
from apps.notify.rules import schedule
from tests import web as webs
from tests import world
from tests.notify.receiver import Clock, receiving

pytestmark = pytest.mark.django_db(transaction=True)
HOOK = {"url": "https://hooks.example.com/flowdesk?token=t", "types": ["trade.booked"]}


@pytest.fixture
def acme(web: webs.Web) -> world.Firm:
    clock.freeze_desk(world.NOON)
    return world.firm("acme")


def api_of(web: webs.Web, firm: world.Firm, *scopes: str) -> Api:
    return Api(web.url, webs.key_for(firm.trader, scopes or ("read", "webhook")), attempts=1)


@pytest.fixture
def api(web: webs.Web, acme: world.Firm) -> Api:
    return api_of(web, acme)


def refused(call: Any) -> Refused:
    with pytest.raises(Refused) as no:
        call()
    return no.value


@use_case
def tell(*, firm: world.Firm, note: str, now: Any) -> None:
    events.record("trade.booked", subject_type="t", subject_id=ids.uuid7(), client_id=firm.client_id, public={"id": "trd_1", "note": note})


def test_an_endpoint_is_made_read_changed_and_disabled(api: Api, acme: world.Firm) -> None:
    made = api.post("/api/v1/webhooks", HOOK | {"description": "books"})
    assert made["id"].startswith("whe_")
    assert (made["status"], made["order"], made["types"], made["secret"]) == ("ACTIVE", "object", ["trade.booked"], None)
    [key] = made["keys"]
    assert key["signature"] == "v1a"
    assert len(b64decode(key["public_key"].removeprefix("whpk_"))) == 32
    path = f"/api/v1/webhooks/{made['id']}"
    del made["secret"]
    assert api.get(path) == made
    assert api.get("/api/v1/webhooks") == {"data": [made], "next_cursor": None}
    changed = api.patch(path, {"types": [], "order": "parallel"})
    assert (changed["types"], changed["order"], changed["url"]) == ([], "parallel", HOOK["url"])
    assert api.delete(path)["status"] == "DISABLED"
    assert api.delete(path)["status"] == "DISABLED"
    assert refused(lambda: api.post(f"{path}/ping", {})).code == "endpoint_disabled"
    assert refused(lambda: api.post(f"{path}/replay", {"after_seq": 0})).code == "endpoint_disabled"
    assert api.patch(path, {"status": "ACTIVE"})["status"] == "ACTIVE"
    told = [e for e in api.get("/api/v1/events")["data"] if e["type"].startswith("webhook.")]
    assert [e["type"] for e in told] == [
        "webhook.created", "webhook.changed", "webhook.disabled", "webhook.refused", "webhook.refused", "webhook.changed",
    ]  # fmt: skip
    assert "token" not in str(told), "the whole address is told to keys with the scope only"


def test_a_secret_is_told_once_and_kept_nowhere_in_plain(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    key = "k" * 20
    made = api.post("/api/v1/webhooks", HOOK | {"signature": "v1"}, idempotency_key=key)
    secret = made["secret"]
    assert len(b64decode(secret.removeprefix("whsec_"))) == 32
    again = api.post("/api/v1/webhooks", HOOK | {"signature": "v1"}, idempotency_key=key)
    assert again == made | {"secret": None}
    assert Endpoint.objects.count() == 1
    assert "secret" not in api.get(f"/api/v1/webhooks/{made['id']}")
    rotated = api.post(f"/api/v1/webhooks/{made['id']}/rotate", {})
    assert rotated["secret"] not in {None, secret}
    assert [k["generation"] for k in rotated["keys"]] == [2, 1]
    assert [k["expires_at"] is None for k in rotated["keys"]] == [True, False]
    raw = secret.removeprefix("whsec_")
    dump = " ".join(
        str(row)
        for table in ("core_storedanswer", "events_event", "notify_endpoint", "notify_signingkey")
        for row in db.run(f"SELECT x::text, encode(convert_to(x::text, 'UTF8'), 'escape') FROM {table} x")
    )
    bodies = b" ".join(bytes(row[0]) for row in db.run("SELECT body FROM core_storedanswer"))
    assert raw not in dump
    assert raw.encode() not in bodies
    assert b64decode(raw).hex() not in dump
    assert raw not in caplog.text


def test_every_door_is_shut_to_the_rival_as_if_nothing_were_there(web: webs.Web, api: Api, acme: world.Firm) -> None:
    made = api.post("/api/v1/webhooks", HOOK)
    tell(firm=acme, note="x")
    jobs.queue_due()
    event = ids.encode("evt", Event.objects.get(kind="trade.booked").id)
    mallory = api_of(web, world.firm("borealis"))
    nowhere = ids.encode("whe", ids.uuid7())
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"order": "parallel"}),
        ("DELETE", "", {}),
        ("POST", "/rotate", {}),
        ("POST", "/ping", {}),
        ("POST", "/replay", {"after_seq": 0}),
        ("GET", "/deliveries", None),
        ("GET", f"/deliveries/{event}", None),
        ("POST", f"/deliveries/{event}/resend", {}),
    ):
        theirs = refused(partial(mallory.call, method, f"/api/v1/webhooks/{made['id']}{path}", body=body))
        none = refused(partial(mallory.call, method, f"/api/v1/webhooks/{nowhere}{path}", body=body))
        for no in (theirs, none):
            del no.problem["request_id"]
        assert theirs.problem == none.problem, (method, path)
        assert theirs.status == 404
    assert mallory.get("/api/v1/webhooks")["data"] == []
    assert Endpoint.objects.get().status == "ACTIVE"


@pytest.mark.parametrize("scopes", [("read",), ("read", "quote", "trade", "settle", "withdraw")])
def test_another_scope_sees_and_does_nothing(web: webs.Web, api: Api, acme: world.Firm, scopes: tuple[str, ...]) -> None:
    made = api.post("/api/v1/webhooks", HOOK)
    other = api_of(web, acme, *scopes)
    path = f"/api/v1/webhooks/{made['id']}"
    for call in (
        lambda: other.get("/api/v1/webhooks"),
        lambda: other.get(path),
        lambda: other.get(f"{path}/deliveries"),
        lambda: other.post("/api/v1/webhooks", HOOK),
        lambda: other.patch(path, {"order": "parallel"}),
        lambda: other.delete(path),
        lambda: other.post(f"{path}/rotate", {}),
    ):
        assert refused(call).code == "scope_missing"


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/url", "required"),
        (HOOK | {"url": None}, "/url", "required"),
        (HOOK | {"url": 7}, "/url", "number_not_allowed"),
        (HOOK | {"types": "trade.booked"}, "/types", "invalid"),
        (HOOK | {"types": ["trade.booked", "trade.unheard"]}, "/types/1", "invalid_choice"),
        (HOOK | {"types": ["webhook.pinged"]}, "/types/0", "invalid_choice"),
        (HOOK | {"types": [["trade.booked"]]}, "/types/0", "invalid_choice"),
        (HOOK | {"order": "random"}, "/order", "invalid_choice"),
        (HOOK | {"signature": "v0"}, "/signature", "invalid_choice"),
        (HOOK | {"description": "x" * 121}, "/description", "invalid"),
        (HOOK | {"description": "two\nlines"}, "/description", "invalid"),
        (HOOK | {"secret": "mine"}, "/secret", "unknown_field"),
    ],
)
def test_a_bad_body_names_its_field(api: Api, body: dict[str, Any], pointer: str, code: str) -> None:
    no = refused(lambda: api.post("/api/v1/webhooks", body))
    assert (no.status, no.code) == (400, "invalid_request")
    assert (pointer, code) in {(e["pointer"], e["code"]) for e in no.errors}
    assert not Endpoint.objects.exists()


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, {"/after_seq", "/from"}),
        ({"after_seq": 1, "from": "2026-09-15T00:00:00Z"}, {"/after_seq", "/from"}),
        ({"after_seq": -1}, {"/after_seq"}),
        ({"after_seq": "1"}, {"/after_seq"}),
        ({"from": "yesterday"}, {"/from"}),
        ({"from": "2026-09-15T00:00:00"}, {"/from"}),
        ({"after_seq": 0, "to": 3}, {"/to"}),
    ],
)
def test_a_bad_replay_names_its_field(api: Api, body: dict[str, Any], pointers: set[str]) -> None:
    made = api.post("/api/v1/webhooks", HOOK)
    no = refused(lambda: api.post(f"/api/v1/webhooks/{made['id']}/replay", body))
    assert no.status == 400
    assert {e["pointer"] for e in no.errors} == pointers


def test_an_address_inside_is_refused_and_kept_as_a_refusal(api: Api) -> None:
    key = "k" * 20
    body = HOOK | {"url": "https://169.254.169.254/latest/meta-data"}
    first = refused(lambda: api.post("/api/v1/webhooks", body, idempotency_key=key))
    again = refused(lambda: api.post("/api/v1/webhooks", body, idempotency_key=key))
    assert (first.status, first.code, first.errors[0]["pointer"]) == (422, "url_not_allowed", "/url")
    assert first.problem == again.problem
    made = api.post("/api/v1/webhooks", HOOK)
    no = refused(lambda: api.patch(f"/api/v1/webhooks/{made['id']}", {"url": "http://hooks.example.com/"}))
    assert no.code == "url_not_allowed"
    assert api.get(f"/api/v1/webhooks/{made['id']}")["url"] == HOOK["url"]
    assert [e["data"]["code"] for e in api.get("/api/v1/events")["data"] if e["type"] == "webhook.refused"] == ["url_not_allowed"] * 2


def test_a_client_has_ten_endpoints_and_an_eleventh_after_disabling_one(api: Api) -> None:
    made = [api.post("/api/v1/webhooks", HOOK) for _ in range(schedule.MAX_ENDPOINTS)]
    assert refused(lambda: api.post("/api/v1/webhooks", HOOK)).code == "too_many_endpoints"
    api.delete(f"/api/v1/webhooks/{made[0]['id']}")
    api.post("/api/v1/webhooks", HOOK)
    assert refused(lambda: api.patch(f"/api/v1/webhooks/{made[0]['id']}", {"status": "ACTIVE"})).code == "too_many_endpoints"


@pytest.mark.parametrize("signature", ["v1", "v1a"])
def test_ping_deliveries_resend_and_replay_with_the_clients_own_verification(api: Api, acme: world.Firm, signature: str) -> None:
    now = Clock()
    with receiving() as receiver:
        made = api.post("/api/v1/webhooks", {"url": receiver.url, "types": ["trade.booked"], "signature": signature})
        path = f"/api/v1/webhooks/{made['id']}"
        key = made["secret"] or made["keys"][0]["public_key"]
        ping = api.post(f"{path}/ping", {})["event_id"]
        tell(firm=acme, note="one")
        jobs.queue_due(now)
        jobs.send_some(now)
        told = [verify(m.headers, m.body, key) for m in receiver.got]
        assert [(e["type"], e["seq"]) for e in told] == [("webhook.pinged", 2), ("trade.booked", 3)]
        assert told[0]["id"] == ping
        assert {e["id"]: e["data"] for e in api.get("/api/v1/events")["data"]}[told[1]["id"]] == told[1]["data"]
        with pytest.raises(VerificationError):
            verify(receiver.got[0].headers, receiver.got[1].body, key)

        log = api.get(f"{path}/deliveries")["data"]
        assert [(d["type"], d["status"], d["attempts"]) for d in log] == [("trade.booked", "SENT", 1), ("webhook.pinged", "SENT", 1)]
        assert api.get(f"{path}/deliveries", type="trade.booked")["data"] == log[:1]
        assert api.get(f"{path}/deliveries", status="RETRYING")["data"] == []
        one = api.get(f"{path}/deliveries/{log[0]['event_id']}")
        assert [(t["number"], t["status_code"], t["error"], t["answer"]) for t in one["tried"]] == [(1, 200, None, "said 200")]

        sent = f"{path}/deliveries/{log[0]['event_id']}/resend"
        again = api.post(sent, {}, idempotency_key="k" * 20)
        assert again["status"] == "PENDING"
        assert api.post(sent, {}, idempotency_key="k" * 20) == again
        now.move(seconds=30)
        jobs.send_some(now)
        assert len(receiver.got) == 3, "the same key sends it once"
        assert receiver.got[2].id == log[0]["event_id"]
        assert refused(lambda: api.post(f"{path}/deliveries/{ids.encode('evt', ids.uuid7())}/resend", {})).status == 404

        assert api.post(f"{path}/replay", {"after_seq": 0}) == {"queued": 1, "through_seq": 3, "complete": True}
        assert api.post(f"{path}/replay", {"from": "2099-01-01T00:00:00Z"})["queued"] == 0
        jobs.queue_due(now)
        now.move(seconds=30)
        jobs.send_some(now)
        assert [m.event["type"] for m in receiver.got].count("trade.booked") == 3


def test_the_log_pages_and_forgets_after_ninety_days(api: Api, acme: world.Firm) -> None:
    made = api.post("/api/v1/webhooks", HOOK)
    for n in range(5):
        tell(firm=acme, note=str(n))
    jobs.queue_due()
    path = f"/api/v1/webhooks/{made['id']}/deliveries"
    page = api.get(path, limit=2)
    assert [d["seq"] for d in api.pages(path, limit=2)] == [6, 5, 4, 3, 2]
    other = api.post("/api/v1/webhooks", HOOK)
    no = refused(lambda: api.get(f"/api/v1/webhooks/{other['id']}/deliveries", limit=2, cursor=page["next_cursor"]))
    assert no.code == "invalid_cursor"
    with_old = Clock()
    with_old.move(days=91)
    from apps.notify.queries import webhooks as queries

    assert not queries.list_posts(Endpoint.objects.earliest("created_at"), at=with_old()).exists()
    assert Post.objects.count() == 5


def test_the_types_are_listed_with_a_schema_each(api: Api) -> None:
    listed = {t["type"]: t["schema"] for t in api.get("/api/v1/event-types")["data"]}
    assert set(listed) == set(TYPES)
    assert all(schema["type"] == "object" and schema["properties"] for schema in listed.values())
    assert refused(lambda: api.get("/api/v1/event-types", x="1")).code == "invalid_request"
