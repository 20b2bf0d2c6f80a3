"""Counter, stream, order and the desk's answers, over signed HTTP: what the client sees, and what the stranger does not."""

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from flowdesk_client import Api

from apps.core import clock, db
from apps.core.actor import Actor
from apps.jobs import rfqs as jobs
from apps.pricing.feeds import bus
from apps.rfqs.models import Rfq
from apps.rfqs.states import Side
from apps.trades.models import Trade
from apps.workflows.quote_by_hand import quote_by_hand
from apps.workflows.withdraw_quote import withdraw_quote
from apps.workflows.work_rfq import pick_up, reject_rfq
from tests import people, world
from tests import web as webs
from tests.api.test_dealing import ask, refused

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme(web: webs.Web) -> world.Firm:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])
    return world.firm("acme", auto_max_usd=D(1_000_000))


@pytest.fixture
def api(web: webs.Web, acme: world.Firm) -> Api:
    return webs.api(web, acme.trader, attempts=1)


@pytest.fixture
def tina(acme: world.Firm) -> Actor:
    return people.staff("tina", "trader")


def events(api: Api) -> list[str]:
    return [event["type"] for event in api.get("/api/v1/events")["data"]]


def by_hand(tina: Actor, rfq: dict[str, Any], price: str) -> None:
    row = Rfq.objects.get(client_rfq_id=rfq["client_rfq_id"])
    quote_by_hand(actor=tina, rfq_id=row.id, prices={Side.BUY: D(price)}, depth=world.depth(), usd_per_quote=D(1))


def test_a_person_prices_it_the_client_counters_and_takes_the_answer(api: Api, tina: Actor) -> None:
    rfq = ask(api, quantity="60")
    assert (rfq["status"], rfq["reason"], rfq["stream"], rfq["channel"]) == ("RECEIVED", "priced_by_a_person", False, "API")
    pick_up(actor=tina, rfq_id=Rfq.objects.get().id)
    by_hand(tina, rfq, "20010")
    quote = api.get(f"/api/v1/rfqs/{rfq['id']}")["quote"]
    assert (quote["number"], quote["status"], quote["buy"]["price"]) == (1, "OPEN", "20010")
    countered = api.post(f"/api/v1/quotes/{quote['id']}/counter", {"side": "buy", "price": "20005"})
    assert (countered["status"], countered["limit"], countered["quote"]["status"]) == (
        "PICKED_UP",
        {"side": "buy", "price": "20005"},
        "COUNTERED",
    )
    assert refused(lambda: api.post(f"/api/v1/quotes/{quote['id']}/counter", {"side": "buy", "price": "20004"})).code == "quote_answered"
    by_hand(tina, rfq, "20005")
    answer = api.get(f"/api/v1/rfqs/{rfq['id']}")["quote"]
    trade = api.post(f"/api/v1/quotes/{answer['id']}/accept", {"client_order_id": "o-1", "side": "buy", "price": "20005"})
    assert (answer["number"], trade["price"]) == (2, "20005")
    assert events(api) == [
        "rfq.received",
        "rfq.picked_up",
        "rfq.quoted",
        "quote.countered",
        "rfq.reopened",
        "counter.refused",
        "rfq.quoted",
        "quote.accepted",
        "trade.booked",
    ]


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        ({"side": "two_way", "price": "1"}, 400, "invalid_choice", "/side"),
        ({"side": "buy"}, 400, "required", "/price"),
        ({"side": "buy", "price": "0"}, 400, "not_positive", "/price"),
        ({"side": "buy", "price": "1", "size": "1"}, 400, "unknown_field", "/size"),
        ({"side": "sell", "price": "1"}, 422, "price_mismatch", "/side"),
        ({"side": "buy", "price": "30000"}, 422, "counter_not_better", "/price"),
    ],
)
def test_a_bad_counter_names_what_and_where(api: Api, body: dict[str, Any], status: int, code: str, pointer: str) -> None:
    quote = ask(api)["quote"]
    no = refused(lambda: api.post(f"/api/v1/quotes/{quote['id']}/counter", body))
    assert no.status == status
    assert (pointer, code) in {(e["pointer"], e["code"]) for e in no.problem["errors"]}
    assert api.get(f"/api/v1/quotes/{quote['id']}")["status"] == "OPEN"


def test_a_rejection_tells_its_reason_and_what_fix_calls_it_never_the_note(api: Api, tina: Actor) -> None:
    rfq = ask(api, quantity="60")
    row = Rfq.objects.get()
    pick_up(actor=tina, rfq_id=row.id)
    reject_rfq(actor=tina, rfq_id=row.id, code="size_exceeds_limit", note="they owe us money")
    seen = api.get(f"/api/v1/rfqs/{rfq['id']}")
    assert (seen["status"], seen["reason"]) == ("REJECTED", "size_exceeds_limit")
    assert seen["fix"] == {"quote_request_reject_reason": 3, "quote_status": 5}
    told = api.get("/api/v1/events")["data"]
    assert told[-1]["type"] == "rfq.rejected"
    assert told[-1]["data"]["fix"] == seen["fix"]
    assert "owe" not in str(told) + str(seen)
    assert "Tina" not in str(told)


def test_a_withdrawn_quote_says_why(api: Api, tina: Actor) -> None:
    rfq = ask(api, quantity="60")
    row = Rfq.objects.get()
    pick_up(actor=tina, rfq_id=row.id)
    by_hand(tina, rfq, "20010")
    withdraw_quote(actor=tina, quote_id=row.quotes.get().id)
    seen = api.get(f"/api/v1/rfqs/{rfq['id']}")
    assert (seen["status"], seen["quote"]["status"], seen["quote"]["reason"]) == ("PICKED_UP", "WITHDRAWN", "DESK")
    body = {"client_order_id": "o-1", "side": "buy", "price": "20010"}
    assert refused(lambda: api.post(f"/api/v1/quotes/{seen['quote']['id']}/accept", body)).code == "quote_withdrawn"


def test_a_stream_is_seen_quote_by_quote_and_the_last_price_but_one_still_trades(api: Api) -> None:
    rfq = ask(api, stream=True)
    clock.freeze_desk(world.NOON + timedelta(seconds=1))
    bus.publish([world.depth(mid="20100", at=world.NOON + timedelta(seconds=1))])
    assert jobs.stream_quotes() == 1
    told = api.get("/api/v1/events")["data"]
    assert [event["type"] for event in told] == ["rfq.quoted", "quote.replaced"]
    assert (told[1]["data"]["number"], told[1]["data"]["firm"]) == (2, True)
    first = api.get(f"/api/v1/quotes/{rfq['quote']['id']}")
    assert (first["status"], first["good_until"]) == ("SUPERSEDED", "2026-09-15T12:00:01.500000Z")
    body = {"client_order_id": "o-1", "side": "buy", "price": first["buy"]["price"]}
    trade = api.post(f"/api/v1/quotes/{first['id']}/accept", body)
    assert trade["quote_id"] == first["id"]
    late = {"client_order_id": "o-2", "side": "buy", "price": told[1]["data"]["buy"]["price"]}
    assert refused(lambda: api.post(f"/api/v1/quotes/{told[1]['data']['id']}/accept", late)).code == "quote_answered"
    assert Trade.objects.count() == 1


def order(api: Api, reference: str = "f-1", **changes: Any) -> Any:
    key = changes.pop("idempotency_key", None)
    body = {"client_order_id": reference, "instrument": "BTC-USD", "side": "buy", "quantity": "2", "limit_price": "20100"}
    return api.post("/api/v1/orders", body | {"time_in_force": "FOK"} | changes, **({"idempotency_key": key} if key else {}))


def test_an_order_fills_or_is_refused_once_and_for_ever(api: Api) -> None:
    trade = order(api)
    assert (trade["client_order_id"], trade["quantity"], D(trade["price"]) <= 20100) == ("f-1", "2", True)
    assert refused(lambda: order(api)).code == "duplicate_client_order_id"
    key = "k" * 20
    no = refused(lambda: order(api, "f-2", limit_price="19000", idempotency_key=key))
    assert (no.status, no.code) == (422, "price_not_met")
    assert refused(lambda: order(api, "f-2", limit_price="19000", idempotency_key=key)).problem == no.problem
    assert refused(lambda: order(api, "f-2")).code == "duplicate_client_order_id", "a refusal uses its reference up"
    assert api.get("/api/v1/by-client-id/f-1")["outcome"] == "answered"
    assert api.get("/api/v1/by-client-id/f-2")["outcome"] == "refused"
    assert events(api)[:3] == ["rfq.quoted", "quote.accepted", "trade.booked"]
    assert Trade.objects.count() == 1
    mine = api.get(f"/api/v1/rfqs/{trade['rfq_id']}")
    assert (mine["channel"], mine["client_rfq_id"], mine["limit"]) == ("ORDER", None, {"side": "buy", "price": "20100"})


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"time_in_force": "GTC"}, "invalid_choice", "/time_in_force"),
        ({"side": "two_way"}, "invalid_choice", "/side"),
        ({"limit_price": "-1"}, "invalid_amount", "/limit_price"),
        ({"quote_quantity": "5"}, "unknown_field", "/quote_quantity"),
        ({"quantity": None}, "required", "/quantity"),
        ({"account_id": "acc_x"}, "invalid_id", "/account_id"),
    ],
)
def test_a_bad_order_names_what_and_where(api: Api, changes: dict[str, Any], code: str, pointer: str) -> None:
    no = refused(lambda: order(api, **changes))
    assert no.status == 400
    assert (pointer, code) in {(e["pointer"], e["code"]) for e in no.problem["errors"]}
    assert Trade.objects.count() == 0


def test_a_stream_is_true_or_false(api: Api) -> None:
    no = refused(lambda: ask(api, stream="yes"))
    assert [(e["pointer"], e["code"]) for e in no.problem["errors"]] == [("/stream", "invalid_choice")]


def test_a_stranger_counters_nothing_and_deals_for_nobody_else(web: webs.Web, api: Api, acme: world.Firm) -> None:
    quote = ask(api)["quote"]
    mallory = webs.api(web, world.firm("mallory").trader, attempts=1)
    theirs = refused(lambda: mallory.post(f"/api/v1/quotes/{quote['id']}/counter", {"side": "buy", "price": "1"}))
    nothing = refused(lambda: mallory.post("/api/v1/quotes/quo_00000000000000000000000000/counter", {"side": "buy", "price": "1"}))
    assert (theirs.status, theirs.code, theirs.problem["detail"]) == (404, nothing.code, nothing.problem["detail"])
    from apps.core import ids

    foreign = refused(lambda: order(mallory, account_id=ids.encode("acc", acme.account.id)))
    assert (foreign.status, foreign.code) == (404, "not_found")
    assert api.get(f"/api/v1/quotes/{quote['id']}")["status"] == "OPEN"
    assert db.one("SELECT count(*) FROM trades_trade") == (0,)


def test_an_order_needs_the_scope_to_trade_and_a_counter_the_one_to_quote(web: webs.Web, api: Api, acme: world.Firm) -> None:
    quote = ask(api)["quote"]
    reader = Api(web.url, webs.key_for(acme.trader, scopes=("read",), cidrs=()), attempts=1)
    quoter = Api(web.url, webs.key_for(acme.trader, scopes=("read", "quote"), cidrs=()), attempts=1)
    assert refused(lambda: order(quoter)).code == "scope_missing"
    assert refused(lambda: reader.post(f"/api/v1/quotes/{quote['id']}/counter", {"side": "buy", "price": "1"})).code == "scope_missing"
    assert quoter.post(f"/api/v1/quotes/{quote['id']}/counter", {"side": "buy", "price": "1"})["status"] == "RECEIVED"


def test_requests_are_listed_by_status(api: Api) -> None:
    ask(api, "r-1")
    ask(api, "r-2", quantity="60")
    assert [row["client_rfq_id"] for row in api.get("/api/v1/rfqs?status=RECEIVED")["data"]] == ["r-2"]
    assert [row["client_rfq_id"] for row in api.get("/api/v1/rfqs?status=QUOTED")["data"]] == ["r-1"]
    assert refused(lambda: api.get("/api/v1/rfqs?status=OPEN")).code == "invalid_request"
