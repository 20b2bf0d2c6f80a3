"""A client's own statistics over signed HTTP: exact ratios out of what happened, and nothing of anybody else."""

from datetime import timedelta
from typing import Any

import pytest
from flowdesk_client import Api, Refused

from apps.clients.models import Account, Authority
from apps.core import clock, ids
from apps.jobs import events as driving
from apps.pricing.feeds import bus
from tests import web as webs
from tests import world
from tests.commits import wait_for_readers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme(web: webs.Web) -> world.Firm:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])
    return world.firm("acme")


@pytest.fixture
def api(web: webs.Web, acme: world.Firm) -> Api:
    return webs.api(web, acme.trader, attempts=1)


def ask(api: Api, reference: str, **changes: Any) -> dict[str, Any]:
    return dict(api.rfq(**{"instrument": "BTC-USD", "side": "buy", "quantity": "0.1", "client_rfq_id": reference, **changes}))


def statistics(api: Api, **query: Any) -> list[dict[str, Any]]:
    wait_for_readers()
    driving.drive("dealing")
    return list(api.get("/api/v1/statistics", **query)["data"])


def code(call: Any) -> str:
    with pytest.raises(Refused) as no:
        call()
    return no.value.code


def test_what_happened_is_what_is_told(api: Api) -> None:
    first, second, third = (ask(api, f"r-{i}")["quote"] for i in range(3))
    api.accept(first["id"], "buy", first["buy"]["price"])
    api.decline(second["id"])
    assert code(lambda: api.accept(third["id"], "buy", "1")) == "price_mismatch"
    assert code(lambda: ask(api, "r-big", quantity="100000")) == "quantity_out_of_range"
    assert code(lambda: ask(api, "r-none", instrument="BTC-JPY")) == "unknown_instrument"
    assert code(lambda: ask(api, "r-0")) == "duplicate_client_rfq_id"
    found = {row["instrument"]: row for row in statistics(api)}
    row = found["BTC-USD"]
    counts = {name: row[name] for name in ("requests", "quoted", "quotes", "deals", "declined", "expired", "refused", "accepts_refused")}
    assert counts == {
        "requests": 3, "quoted": 3, "quotes": 3, "deals": 1, "declined": 1, "expired": 0, "refused": 2, "accepts_refused": 1,
    }  # fmt: skip
    assert (row["hit_ratio"], row["reject_ratio"]) == ("0.3333", "0.4")
    assert row["reasons"] == {"accept.price_mismatch": 1, "rfq.duplicate_client_rfq_id": 1, "rfq.quantity_out_of_range": 1}
    assert found["-"]["reasons"] == {"rfq.unknown_instrument": 1}
    times = row["response_times"]
    assert (times["auto"]["count"], times["desk"]["count"], times["accept"]["count"]) == (3, 0, 1)
    assert 100 < times["auto"]["p50_us"] <= times["auto"]["p99_us"] < 10_000_000
    assert 100 < times["accept"]["p50_us"] < 10_000_000
    assert times["desk"] == {"count": 0, "p50_us": None, "p99_us": None}
    told = ask(api, "timed")["quote"]["response_time_us"]
    assert told > 100


def test_an_order_whose_limit_was_not_met_is_missed_and_not_refused(api: Api) -> None:
    order = {"instrument": "BTC-USD", "side": "buy", "quantity": "0.1", "time_in_force": "FOK"}
    api.post("/api/v1/orders", order | {"client_order_id": "o-1", "limit_price": "21000"})
    assert code(lambda: api.post("/api/v1/orders", order | {"client_order_id": "o-2", "limit_price": "19000"})) == "price_not_met"
    [row] = statistics(api)
    counts = {name: row[name] for name in ("requests", "quoted", "deals", "refused", "accepts_refused")}
    assert counts == {"requests": 1, "quoted": 1, "deals": 1, "refused": 0, "accepts_refused": 1}
    assert (row["hit_ratio"], row["reject_ratio"], row["reasons"]) == ("1", "0", {"order.price_not_met": 1})


def test_hours_and_spans(api: Api) -> None:
    ask(api, "r-1")
    clock.freeze_desk(world.NOON + timedelta(hours=1, minutes=30))
    bus.publish([world.depth(at=world.NOON + timedelta(hours=1, minutes=30))])
    ask(api, "r-2"), ask(api, "r-3")
    rows = statistics(api, group="hour")
    assert [(row["hour"], row["requests"]) for row in rows] == [("2026-09-15T12:00:00.000000Z", 1), ("2026-09-15T13:00:00.000000Z", 2)]
    assert [row["requests"] for row in statistics(api)] == [3]
    assert [row["requests"] for row in statistics(api, **{"from": "2026-09-15T13:10:00Z"})] == [2], "down to the hour"
    assert [row["requests"] for row in statistics(api, to="2026-09-15T12:10:00Z")] == [1], "up to the hour"
    assert statistics(api, instrument="EUR-USD") == []
    bad = [
        {"from": "2026-09-15T14:00:00Z", "to": "2026-09-15T13:00:00Z"},
        {"from": "2024-09-15T14:00:00Z"},
        {"from": "2026-08-01T00:00:00Z", "group": "hour"},
        {"from": "yesterday"},
        {"group": "client"},
        {"client": "acme"},
    ]
    assert {code(lambda q=query: statistics(api, **q)) for query in bad} == {"invalid_request"}


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        ({"from": "9999-12-31T23:00:00Z", "to": "9999-12-31T23:00:00Z"}, {"?from", "?to"}),
        ({"from": "0001-01-01T00:00:00-23:59"}, {"?from"}),
        ({"to": "9999-12-31T23:59:59+14:00"}, {"?to"}),
        ({"from": "2026-01-01T00:00:00Z", "to": "2025-01-01T00:00:00Z"}, {"?from"}),
    ],
)
def test_the_ends_of_the_calendar_are_a_wrong_parameter(api: Api, query: dict[str, str], pointers: set[str]) -> None:
    with pytest.raises(Refused) as no:
        api.get("/api/v1/statistics", **query)
    assert no.value.status == 400
    assert {error["pointer"] for error in no.value.problem["errors"]} == pointers


def test_an_hour_is_one_of_utc_in_whatever_zone_it_is_asked_for(api: Api) -> None:
    answer = api.get("/api/v1/statistics", **{"from": "2026-09-15T12:00:00+05:30", "to": "2026-09-15T13:00:00+05:30"})
    assert (answer["from"], answer["to"]) == ("2026-09-15T06:00:00.000000Z", "2026-09-15T08:00:00.000000Z")


def test_a_stranger_sees_none_of_it(web: webs.Web, api: Api) -> None:
    ask(api, "r-1")
    stranger = webs.api(web, world.firm("borealis").trader, attempts=1)
    assert statistics(stranger) == []
    assert [row["requests"] for row in statistics(api)] == [1]


def test_a_key_for_some_accounts_does_not_see_the_sums_of_all(web: webs.Web, acme: world.Firm, api: Api) -> None:
    Account.objects.create(id=ids.uuid7(), owner_id=acme.client_id, code="acme-other", name="Other", is_default=False)
    assert code(lambda: statistics(api)) == "not_entitled"
    Authority.objects.create(id=ids.uuid7(), member_id=acme.trader.id, account=Account.objects.get(code="acme-other"), roles=["viewer"])
    assert statistics(api) == []
