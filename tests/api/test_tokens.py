"""Bearer tokens, rate limits and ETags, from outside."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from flowdesk_client import Api, Refused
from flowdesk_client.signing import sign

from apps.api import tokens
from apps.core import clock, db
from apps.core.clock import wall_now
from apps.pricing.feeds import bus
from tests import web as webs
from tests import world
from tests.api.test_dealing import ask

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme(web: webs.Web) -> world.Firm:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])
    return world.firm("acme")


@pytest.fixture
def api(web: webs.Web, acme: world.Firm) -> Api:
    return webs.api(web, acme.trader, attempts=1)


def get(web: webs.Web, path: str, token: str, **headers: str) -> httpx.Response:
    return httpx.get(f"{web.url}{path}", headers={"Authorization": f"Bearer {token}", **headers}, timeout=60)


def test_a_token_reads_and_does_nothing_else(web: webs.Web, api: Api) -> None:
    made = api.post("/api/v1/tokens", {})
    assert (made["token_type"], made["scopes"]) == ("Bearer", ["read"])
    token = made["token"]
    assert get(web, "/api/v1/trades", token).json() == {"data": [], "next_cursor": None}
    write = httpx.post(f"{web.url}/api/v1/rfqs", json={}, headers={"Authorization": f"Bearer {token}"}, timeout=60)
    assert (write.status_code, write.json()["code"]) == (403, "scope_missing")
    hooks = get(web, "/api/v1/webhooks", token)
    assert (hooks.status_code, hooks.json()["code"]) == (403, "scope_missing")
    assert httpx.head(f"{web.url}/api/v1/webhooks", headers={"Authorization": f"Bearer {token}"}, timeout=60).status_code == 403


@pytest.mark.parametrize("path", ["keys/%00", "instruments/%00", "prices/%00", "rfqs/%00", "instruments/BTC%E2%80%93USD", "rfqs/a%20b"])
def test_a_path_that_no_signature_could_cover_is_nothing_to_a_token(web: webs.Web, api: Api, path: str) -> None:
    answer = get(web, f"/api/v1/{path}", api.post("/api/v1/tokens", {})["token"])
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_token_is_told_once_and_stored_nowhere(api: Api) -> None:
    first = api.post("/api/v1/tokens", {}, idempotency_key="t" * 20)
    again = api.post("/api/v1/tokens", {}, idempotency_key="t" * 20)
    assert first["token"]
    assert again == first | {"token": None}
    stored = b" ".join(bytes(row[0]) for row in db.run("SELECT body FROM core_storedanswer"))
    assert first["token"].encode() not in stored
    [(key_id,)] = db.run("SELECT house->>'key_id' FROM events_event WHERE kind = 'token.issued'")
    assert key_id == api.key.key_id


def test_a_token_ends_with_its_key_and_by_its_time(web: webs.Web, api: Api) -> None:
    token = api.post("/api/v1/tokens", {})["token"]
    assert get(web, "/api/v1/accounts", token).status_code == 200
    over = tokens.make(api.key.key_id, wall_now() - timedelta(seconds=1))
    unknown = tokens.make("ak_test_nobody", wall_now() + timedelta(minutes=1))
    damaged = token[:-1] + ("A" if token[-1] != "A" else "B")
    for bad in (over, unknown, damaged, "fdt_", "x", token.removeprefix("fdt_")):
        no = get(web, "/api/v1/accounts", bad)
        assert (no.status_code, no.json()["code"]) == (401, "invalid_token"), bad
        assert no.headers["WWW-Authenticate"].startswith("Bearer")
    db.run("UPDATE clients_apikey SET revoked_at = now() WHERE key_id = %s", (api.key.key_id,))
    no = get(web, "/api/v1/accounts", token)
    assert (no.status_code, no.json()["code"]) == (401, "invalid_token")


def test_a_token_beside_a_signature_is_refused(web: webs.Web, api: Api) -> None:
    token = api.post("/api/v1/tokens", {})["token"]
    signed = sign(api.key, method="GET", host=web.url.removeprefix("http://"), path="/api/v1/accounts")
    no = get(web, "/api/v1/accounts", token, **signed)
    assert (no.status_code, no.json()["code"]) == (401, "invalid_signature")


def test_a_token_keeps_the_keys_networks_and_accounts(web: webs.Web, acme: world.Firm) -> None:
    elsewhere = webs.key_for(acme.trader, scopes=("read",), cidrs=("203.0.113.0/24",))
    token = tokens.make(elsewhere.key_id, wall_now() + timedelta(minutes=1))
    no = get(web, "/api/v1/accounts", token)
    assert (no.status_code, no.json()["code"]) == (403, "ip_not_allowed")


def test_limits_are_told_on_every_answer_and_by_themselves(web: webs.Web, api: Api) -> None:
    token = api.post("/api/v1/tokens", {})["token"]
    answer = get(web, "/api/v1/limits", token)
    assert answer.headers["RateLimit-Policy"] == '"requests";q=400;w=4'
    name, left, resets = answer.headers["RateLimit"].split(";")
    assert name == '"requests"'
    assert 0 < int(left.removeprefix("r=")) < 400
    assert resets in {"t=1", "t=2", "t=3", "t=4"}
    told = answer.json()
    assert {(r["policy"], r["limit"]) for r in told["rates"]} == {("requests", 400), ("rfqs", 200)}
    assert {c["of"]: (c["limit"], c["used"]) for c in told["counts"]} == {"keys": (8, 1), "webhooks": (10, 0)}


def test_a_key_of_its_own_limit_is_stopped_by_it_and_told_so(web: webs.Web, api: Api) -> None:
    token = api.post("/api/v1/tokens", {})["token"]
    db.run("""UPDATE clients_apikey SET limits = '{"requests": "2/d"}' WHERE key_id = %s""", (api.key.key_id,))
    answers = [get(web, "/api/v1/accounts", token) for _ in range(4)]
    assert [a.status_code for a in answers][-1] == 429
    last = answers[-1]
    assert last.json()["policy"] == "requests"
    assert last.json()["retry"] == "after"
    assert 1 <= int(last.headers["Retry-After"]) <= 86_400
    assert last.headers["RateLimit-Policy"] == '"requests";q=2;w=86400'
    assert last.headers["RateLimit"].startswith('"requests";r=0;t=')


def test_what_is_the_same_is_not_sent_again(web: webs.Web, api: Api) -> None:
    token = api.post("/api/v1/tokens", {})["token"]
    rfq = ask(api)
    path = f"/api/v1/rfqs/{rfq['id']}"
    first = get(web, path, token)
    tag = first.headers["ETag"]
    same = get(web, path, token, **{"If-None-Match": tag})
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
    assert get(web, path, token, **{"If-None-Match": f'"other", W/{tag}'}).status_code == 304
    api.post(f"{path}/cancel", {})
    changed = get(web, path, token, **{"If-None-Match": tag})
    assert (changed.status_code, changed.json()["status"]) == (200, "CANCELLED")
    with pytest.raises(Refused):
        api.get("/api/v1/rfqs/rfq_00000000000000000000000000")


def test_a_token_of_another_deployment_is_none(settings: Any) -> None:
    until = wall_now() + timedelta(minutes=1)
    token = tokens.make("ak_test_1", until)
    assert tokens.read(token, wall_now()) == "ak_test_1"
    settings.ENVIRONMENT = "production"
    with pytest.raises(tokens.InvalidToken):
        tokens.read(token, wall_now())
