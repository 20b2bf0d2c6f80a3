"""Keys by API: asked for, approved by a second person, rotated, capped, warned of, ended."""

from base64 import b64encode
from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flowdesk_client import Api, Key, Refused

from apps.core import answers, clock, db, ids
from apps.jobs import keys as jobs
from apps.pricing.feeds import bus
from apps.workflows.decide_approval import decide_approval
from tests import web as webs
from tests import world
from tests.api.test_dealing import ask, refused
from tests.people import staff
from tests.together import together

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = (("Trader", ("viewer", "trader")), ("Treasury", ("viewer", "settlement", "admin")))


@pytest.fixture
def acme(web: webs.Web) -> world.Firm:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])
    return world.firm("acme", members=PEOPLE)


@pytest.fixture
def admin(web: webs.Web, acme: world.Firm) -> Api:
    return webs.api(web, acme.treasury, attempts=1)


def pair() -> tuple[Ed25519PrivateKey, str]:
    private = Ed25519PrivateKey.generate()
    return private, b64encode(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def approve(request: dict[str, Any]) -> None:
    cora = staff("cora", "compliance")
    decide_approval(approval_id=ids.decode("apr", request["id"]), actor=cora, approve=True, comment="")


def make(web: webs.Web, admin: Api, **wanted: Any) -> Api:
    private, public = pair()
    asked = admin.post(
        "/api/v1/keys", {"public_key": public, "scopes": ["read", "quote", "trade"], "allowed_cidrs": ["127.0.0.0/8"]} | wanted
    )
    approve(asked)
    told = admin.get(f"/api/v1/key-requests/{asked['id']}")
    assert told["status"] == "EXECUTED"
    return Api(web.url, Key(told["key_id"], private), attempts=1)


def test_a_key_is_none_until_a_second_person_says_so(web: webs.Web, admin: Api) -> None:
    private, public = pair()
    asked = admin.post("/api/v1/keys", {"public_key": public, "scopes": ["read"], "expires_in_days": 30})
    assert (asked["kind"], asked["status"], asked["key_id"]) == ("NEW", "REQUESTED", None)
    assert len(admin.get("/api/v1/keys")["data"]) == 1, "the key that asked is the only one"
    approve(asked)
    told = admin.get(f"/api/v1/key-requests/{asked['id']}")
    made = admin.get(f"/api/v1/keys/{told['key_id']}")
    assert (made["status"], made["scopes"], made["allowed_cidrs"], made["account_ids"]) == ("ACTIVE", ["read"], [], [])
    assert Api(web.url, Key(told["key_id"], private)).get("/api/v1/accounts")["data"]
    assert "key.issued" in [event["type"] for event in admin.get("/api/v1/events")["data"]]


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"public_key": "AAAA"}, "bad_public_key"),
        ({"scopes": ["trade"]}, "bad_allow_list"),
        ({"scopes": ["read"], "allowed_cidrs": ["anywhere"]}, "bad_allow_list"),
        ({"scopes": ["hedge"]}, "invalid_request"),
        ({"expires_in_days": 366}, "invalid_request"),
        ({"cap_pairs": ["XXX-YYY"]}, "bad_cap"),
        ({"cap_deal_usd": "10", "cap_day_usd": "9"}, "bad_cap"),
        ({"account_ids": ["acc_00000000000000000000000000"]}, "not_found"),
        ({"member_id": "mem_00000000000000000000000000"}, "not_found"),
    ],
)
def test_what_cannot_be_a_key_is_refused_when_it_is_asked_for(admin: Api, wanted: dict[str, Any], code: str) -> None:
    body = {"public_key": pair()[1], "scopes": ["read"]} | wanted
    assert refused(lambda: admin.post("/api/v1/keys", body)).code == code
    assert db.one("SELECT count(*) FROM approvals_approval") == (0,)


def test_only_an_admin_asks_and_a_member_ends_its_own(web: webs.Web, acme: world.Firm, admin: Api) -> None:
    trader = webs.api(web, acme.trader, attempts=1)
    assert refused(lambda: trader.post("/api/v1/keys", {"public_key": pair()[1], "scopes": ["read"]})).code == "not_your_key"
    assert refused(lambda: trader.post(f"/api/v1/keys/{admin.key.key_id}/revoke", {})).code == "not_your_key"
    rival = webs.api(web, world.firm("mallory").trader, attempts=1)
    assert refused(lambda: rival.post(f"/api/v1/keys/{admin.key.key_id}/revoke", {})).status == 404
    ended = admin.post(f"/api/v1/keys/{trader.key.key_id}/revoke", {})
    assert ended["status"] == "REVOKED"
    assert refused(lambda: trader.get("/api/v1/accounts")).code == "invalid_signature"
    own = admin.post(f"/api/v1/keys/{admin.key.key_id}/revoke", {})
    assert own["status"] == "REVOKED"
    assert refused(lambda: admin.get("/api/v1/accounts")).code == "invalid_signature"


def test_a_key_is_widened_by_a_second_person_alone(web: webs.Web, admin: Api) -> None:
    reader = make(web, admin, scopes=["read"])
    assert refused(lambda: ask(reader)).code == "scope_missing"
    path = f"/api/v1/keys/{reader.key.key_id}/widen"
    asked = admin.post(path, {"scopes": ["read", "quote"], "allowed_cidrs": ["127.0.0.0/8"], "cap_pairs": ["BTC-USD"]})
    assert refused(lambda: ask(reader)).code == "scope_missing"
    assert refused(lambda: admin.post(path, {"scopes": ["read"]})).code == "approval_open"
    approve(asked)
    told = admin.get(f"/api/v1/keys/{reader.key.key_id}")
    assert (told["scopes"], told["caps"]) == (["read", "quote"], {"pairs": ["BTC-USD"]})
    # its member is the admin, who does not trade
    assert refused(lambda: ask(reader)).code == "not_entitled"


def test_one_who_leaves_is_closed_by_an_admin_with_keys_and_all_that_waits(web: webs.Web, acme: world.Firm, admin: Api) -> None:
    trader = webs.api(web, acme.trader, attempts=1)
    asked = admin.post("/api/v1/keys", {"public_key": pair()[1], "scopes": ["read"], "member_id": ids.encode("mem", acme.trader.id)})
    path = f"/api/v1/members/{ids.encode('mem', acme.trader.id)}/close"
    assert refused(lambda: trader.post(path, {})).code == "not_an_admin"
    rival = webs.api(web, world.firm("mallory", members=PEOPLE).treasury, attempts=1)
    theirs, nobody = (
        refused(lambda: rival.post(path, {})),
        refused(lambda: rival.post("/api/v1/members/mem_00000000000000000000000000/close", {})),
    )
    assert (theirs.status, theirs.problem["detail"]) == (404, nobody.problem["detail"])
    closed = admin.post(path, {})
    assert (closed["name"], closed["status"]) == ("acme Trader", "CLOSED")
    assert admin.post(path, {})["status"] == "CLOSED", "closed before is fine"
    assert refused(lambda: trader.get("/api/v1/accounts")).code == "invalid_signature"
    assert admin.get(f"/api/v1/keys/{trader.key.key_id}")["status"] == "REVOKED"
    assert admin.get(f"/api/v1/key-requests/{asked['id']}")["status"] == "WITHDRAWN"
    told = [event["type"] for event in admin.get("/api/v1/events")["data"]]
    assert told.count("member.closed") == told.count("key.ended") == 1
    assert (
        refused(lambda: admin.post("/api/v1/keys", {"public_key": pair()[1], "scopes": ["read"], "member_id": closed["id"]})).status == 404
    )


def test_a_rotated_key_lives_on_beside_its_successor_for_a_week(web: webs.Web, acme: world.Firm, admin: Api) -> None:
    old = make(web, admin, scopes=["read"], expires_in_days=300)
    private, public = pair()
    asked = old.post(f"/api/v1/keys/{old.key.key_id}/rotate", {"public_key": public})
    approve(asked)
    new = Api(web.url, Key(admin.get(f"/api/v1/key-requests/{asked['id']}")["key_id"], private), attempts=1)
    assert new.get("/api/v1/accounts") == old.get("/api/v1/accounts")
    (until,) = db.one("SELECT expires_at FROM clients_apikey WHERE key_id = %s", (old.key.key_id,))
    assert timedelta(days=6, hours=23) < until - clock.wall_now() <= timedelta(days=7)
    again = refused(lambda: new.post(f"/api/v1/keys/{new.key.key_id}/rotate", {"public_key": public}))
    assert again.code == "bad_public_key"


def deal(api: Api, reference: str, quantity: str) -> Any:
    quote = ask(api, reference, quantity=quantity)["quote"]
    return api.post(f"/api/v1/quotes/{quote['id']}/accept", {"client_order_id": reference, "side": "buy", "price": quote["buy"]["price"]})


def capped(web: webs.Web, acme: world.Firm, caps: str) -> Api:
    api = webs.api(web, acme.trader, attempts=1)
    db.run("UPDATE clients_apikey SET caps = %s::jsonb WHERE key_id = %s", (caps, api.key.key_id))
    return api


def test_a_key_deals_within_its_caps(web: webs.Web, acme: world.Firm) -> None:
    small = capped(web, acme, '{"pairs": ["BTC-USD"], "deal_usd": "50000", "day_usd": "90000"}')
    other = refused(lambda: ask(small, "r-0", quantity="3"))
    assert (other.status, other.code, other.problem["cap"]) == (422, "key_cap_exceeded", "deal_usd")
    told = small.post("/api/v1/rfqs/validate", {"client_rfq_id": "v", "instrument": "BTC-USD", "side": "buy", "quantity": "3"})
    assert [no["code"] for no in told["problems"]] == ["key_cap_exceeded"]
    deal(small, "r-1", "2")
    deal(small, "r-2", "2")
    over = refused(lambda: deal(small, "r-3", "1"))
    assert (over.code, over.problem["cap"]) == ("key_cap_exceeded", "day_usd")
    use = {row["of"]: row for row in small.get("/api/v1/limits")["caps"]}
    assert use["deal_usd"]["limit"] == "50000"
    assert D(use["day_usd"]["used"]) > 80_000
    order = {
        "client_order_id": "f-1",
        "instrument": "BTC-USD",
        "side": "buy",
        "quantity": "1",
        "limit_price": "30000",
        "time_in_force": "FOK",
    }
    assert refused(lambda: small.post("/api/v1/orders", order)).code == "key_cap_exceeded"
    elsewhere = capped(web, acme, '{"pairs": ["ETH-USD"]}')
    assert refused(lambda: ask(elsewhere, "r-4")).problem["cap"] == "pairs"
    quote = ask(webs.api(web, acme.trader), "r-5")["quote"]
    body = {"client_order_id": "x", "side": "buy", "price": quote["buy"]["price"]}
    assert refused(lambda: elsewhere.post(f"/api/v1/quotes/{quote['id']}/accept", body)).problem["cap"] == "pairs"


def test_deals_at_once_never_pass_a_days_cap_together(web: webs.Web, acme: world.Firm) -> None:
    api = capped(web, acme, '{"day_usd": "65000"}')
    quotes = [ask(api, f"q-{n}", quantity="1")["quote"] for n in range(6)]

    def take(n: int) -> Any:
        quote = quotes[n]
        body = {"client_order_id": f"o-{n}", "side": "buy", "price": quote["buy"]["price"]}
        return Api(web.url, api.key, attempts=3).post(f"/api/v1/quotes/{quote['id']}/accept", body)

    found = together(6, take)
    assert sum(isinstance(one, dict) for one in found) == 3
    assert {one.code for one in found if isinstance(one, Refused)} == {"key_cap_exceeded"}


def test_the_end_of_a_key_is_told_thirty_seven_and_one_days_before_once_each(acme: world.Firm, admin: Api) -> None:
    def warned() -> list[str]:
        return [event["type"] for event in admin.get("/api/v1/events")["data"] if event["type"] == "key.expiring"]

    assert (jobs.warn(), warned()) == (0, [])
    for number, left in enumerate((29, 6.5, 0.9), 1):
        db.run("UPDATE clients_apikey SET expires_at = now() + %s * interval '1 day'", (left,))
        assert (jobs.warn(), jobs.warn()) == (1, 0)
        assert len(warned()) == number


def test_what_is_older_than_thirty_days_is_let_go_but_for_a_clients_own_ids(acme: world.Firm, web: webs.Web) -> None:
    api = webs.api(web, acme.trader, attempts=1)
    quote = ask(api, "kept")["quote"]
    api.post(f"/api/v1/quotes/{quote['id']}/decline", {}, idempotency_key="d" * 20)
    assert answers.let_go(clock.wall_now() + timedelta(days=29)) == 0
    assert answers.let_go(clock.wall_now() + timedelta(days=31)) == 1
    assert api.get("/api/v1/by-client-id/kept")["outcome"] == "answered"


def test_a_key_from_another_address_or_behind_a_header_of_its_own_is_refused(web: webs.Web, acme: world.Firm) -> None:
    away = Api(web.url, webs.key_for(acme.trader, cidrs=("203.0.113.0/24",)), attempts=1, headers={"X-Forwarded-For": "203.0.113.5"})
    assert refused(lambda: away.get("/api/v1/accounts")).code == "ip_not_allowed"
    assert httpx.get(f"{web.url}/api/v1/accounts", timeout=60).status_code == 401
