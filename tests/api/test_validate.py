"""What a request would be told, all at once, and that asking leaves nothing behind."""

from typing import Any

import pytest
import redis
from django.conf import settings
from flowdesk_client import Api, Refused

from apps.core import clock, db
from apps.pricing.feeds import bus
from tests import lines, world
from tests import web as webs
from tests.api.test_dealing import ask

pytestmark = pytest.mark.django_db(transaction=True)
BODY: dict[str, Any] = {"client_rfq_id": "r-1", "instrument": "BTC-USD", "side": "buy", "quantity": "2"}


@pytest.fixture
def acme(web: webs.Web) -> world.Firm:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])
    return world.firm("acme")


@pytest.fixture
def api(web: webs.Web, acme: world.Firm) -> Api:
    return webs.api(web, acme.trader, attempts=1)


def validate(api: Api, **changes: Any) -> dict[str, Any]:
    body = {name: value for name, value in (BODY | changes).items() if value is not None}
    answer: dict[str, Any] = api.post("/api/v1/rfqs/validate", body)
    return answer


def codes(answer: dict[str, Any]) -> set[tuple[str, str]]:
    assert (answer["valid"], answer["outcome"]) == (False, "REFUSED")
    return {(no.get("pointer", ""), no["code"]) for no in answer["problems"]}


def test_what_would_be_quoted_is_valid_and_leaves_nothing(api: Api) -> None:
    tables = ("rfqs_rfq", "rfqs_quote", "credit_reservation", "core_storedanswer", "events_event")
    before = [db.one(f"SELECT count(*) FROM {table}") for table in tables]
    answer = validate(api)
    assert (answer["valid"], answer["outcome"], answer["problems"]) == (True, "QUOTED", [])
    assert [db.one(f"SELECT count(*) FROM {table}") for table in tables] == before
    quoted = ask(api)
    assert quoted["value_date"] == answer["value_date"]
    assert quoted["quote"]["cutoffs"] == answer["cutoffs"]
    names = ("headroom_before", "headroom_after", "headroom_currency", "binding")
    assert {name: quoted["quote"]["buy"][name] for name in names} == {name: answer["buy"][name] for name in names}


def test_every_problem_is_told_at_once(api: Api) -> None:
    ask(api, "used")
    db.run("UPDATE clients_account SET status = 'SUSPENDED'")
    answer = validate(api, client_rfq_id="used", quantity="0.000000001", side="BUY", colour="red", tenor="T+9")
    assert codes(answer) == {
        ("/client_rfq_id", "duplicate_client_rfq_id"),
        ("/side", "invalid_choice"),
        ("/tenor", "invalid_choice"),
        ("/colour", "unknown_field"),
        ("/quantity", "too_many_decimals"),
        ("", "account_unavailable"),
    }
    assert {no["status"] for no in answer["problems"]} == {400, 409, 422}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"instrument": "DOGE-USD"}, ("/instrument", "unknown_instrument")),
        ({"account_id": "acc_00000000000000000000000000"}, ("/account_id", "not_found")),
        ({"quantity": "600"}, ("/quantity", "quantity_out_of_range")),
        ({"quantity": None}, ("/quantity", "exactly_one")),
        ({"instrument": None}, ("/instrument", "required")),
    ],
)
def test_it_says_what_the_request_itself_would_be_told(api: Api, changes: dict[str, Any], problem: tuple[str, str]) -> None:
    assert problem in codes(validate(api, **changes))
    with pytest.raises(Refused) as no:
        ask(api, **changes)
    assert no.value.code in {problem[1], "invalid_request"}


def test_credit_and_the_desks_queue_are_foretold(api: Api, acme: world.Firm) -> None:
    for number, size in enumerate(("60", "99", "250")):
        assert validate(api, quantity=size)["outcome"] == ask(api, f"large-{number}", quantity=size)["status"], size
        lines.change_all("100000000")
    assert validate(api, ttl_ms=60_000)["outcome"] == ask(api, "slow", ttl_ms=60_000)["status"] == "RECEIVED"
    lines.change_all("100")
    told = validate(api)
    with pytest.raises(Refused) as no:
        ask(api, "r-2")
    assert codes(told) == {("", no.value.code)}
    assert no.value.code in {"credit_exceeded", "credit_breached"}


def test_a_bus_that_holds_no_price_refuses_as_a_rule_does(api: Api) -> None:
    with redis.Redis.from_url(settings.VALKEY_URL) as valkey:
        valkey.set(bus.key("BTC-USD"), b"rubbish")
    assert codes(validate(api)) == {("", "price_unavailable")}
    for _ in range(2):
        with pytest.raises(Refused) as no:
            api.post("/api/v1/rfqs", BODY, idempotency_key="k" * 20)
        assert (no.value.status, no.value.code) == (422, "price_unavailable")
        bus.publish([world.depth()])  # what was refused stays so
    outcome = api.get("/api/v1/by-client-id/r-1")
    assert (outcome["outcome"], outcome["answer"]["code"]) == ("refused", "price_unavailable")


def test_no_price_is_said_and_no_key_without_the_scope_asks(web: webs.Web, acme: world.Firm, api: Api) -> None:
    assert ("", "price_unavailable") in codes(validate(api, instrument="ETH-USD"))
    reader = Api(web.url, webs.key_for(acme.trader, scopes=("read",)), attempts=1)
    with pytest.raises(Refused) as no:
        validate(reader)
    assert (no.value.status, no.value.code) == (403, "scope_missing")
