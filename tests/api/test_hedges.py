"""Hedges over signed HTTP: our own systems alone, each execution once."""

from typing import Any

import pytest
from flowdesk_client import Api, Refused

from apps.clients import queries as clients
from apps.clients.errors import BadScope
from apps.core import clock, db
from apps.core.actor import Actor
from apps.instruments import queries as instruments
from apps.pricing.feeds import bus
from apps.workflows.onboard_client import register_counterparty
from tests import web as webs
from tests import world

pytestmark = pytest.mark.django_db(transaction=True)
BODY = {
    "counterparty": "venue", "book": "main", "execution_id": "x 1/7", "instrument": "BTC-USD", "side": "buy", "quantity": "1.5",
    "price": "20001", "fee": "3", "executed_at": "2026-09-15T13:59:58+02:00",
}  # fmt: skip


@pytest.fixture
def ours(web: webs.Web) -> Api:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])
    register_counterparty(code="venue", name="Venue Ltd", lei="", country="GB", roles=["VENUE"])
    member = clients.get_member(clients.get_house(instruments.get_entity("flowdesk").id).id)
    system = Actor(kind="MEMBER", id=member.id, name=member.name, client_id=member.counterparty_id)
    return Api(web.url, webs.key_for(system, scopes=("hedge",)), attempts=1)


def refused(call: Any) -> Refused:
    with pytest.raises(Refused) as no:
        call()
    return no.value


def test_a_hedge_is_booked_once_and_told_with_both_amounts(ours: Api) -> None:
    told = ours.post("/api/v1/hedges", BODY)
    assert (told["status"], told["pays"], told["receives"]) == (
        "UNCONFIRMED", {"asset": "USD", "amount": "30001.5"}, {"asset": "BTC", "amount": "1.5"},
    )  # fmt: skip
    assert (told["executed_at"], told["trade_date"], told["fee"]) == ("2026-09-15T11:59:58.000000Z", "2026-09-15", "3")
    assert ours.post("/api/v1/hedges", BODY) == told  # a new idempotency key
    no = refused(lambda: ours.post("/api/v1/hedges", BODY | {"price": "20002"}))
    assert (no.status, no.code) == (409, "duplicate_execution")
    assert db.one("SELECT count(*), max(reference_mid) FROM trades_tradeversion") == (1, 20000)


def test_a_clients_key_is_refused_and_cannot_get_the_scope(web: webs.Web, ours: Api) -> None:
    acme = world.firm("acme")
    no = refused(lambda: webs.api(web, acme.trader, attempts=1).post("/api/v1/hedges", BODY))
    assert (no.status, no.code) == (403, "scope_missing")
    with pytest.raises(BadScope):
        webs.key_for(acme.trader, scopes=("read", "hedge"))
    assert db.one("SELECT count(*) FROM trades_trade") == (0,)


def test_our_own_key_sees_no_clients_deals_and_gets_no_other_scope(web: webs.Web, ours: Api) -> None:
    assert refused(lambda: ours.get("/api/v1/trades")).code == "scope_missing"
    member = clients.get_member(clients.get_house(instruments.get_entity("flowdesk").id).id)
    with pytest.raises(BadScope):
        webs.key_for(Actor(kind="MEMBER", id=member.id, name=member.name, client_id=member.counterparty_id), scopes=("hedge", "trade"))


@pytest.mark.parametrize(
    ("changes", "status", "code", "pointer"),
    [
        ({"quantity": "0"}, 400, "not_positive", "/quantity"),
        ({"fee": "-1"}, 400, "invalid_amount", "/fee"),
        ({"executed_at": "2026-09-15T12:00:00"}, 400, "invalid_time", "/executed_at"),
        ({"value_date": "2026-02-30"}, 400, "invalid_date", "/value_date"),
        ({"side": "both"}, 400, "invalid_choice", "/side"),
        ({"covers": "trd_1"}, 400, "invalid_id", "/covers"),
        ({"colour": "red"}, 400, "unknown_field", "/colour"),
        ({"counterparty": "nobody"}, 422, "bad_hedge", "/counterparty"),
        ({"book": "moon"}, 422, "bad_hedge", "/book"),
        ({"quantity": "0.000000001"}, 422, "bad_hedge", "/quantity"),
        ({"covers": "trd_00000000000000000000000000"}, 422, "bad_hedge", "/covers"),
    ],
)
def test_bad_reports_name_the_field(ours: Api, changes: dict[str, str], status: int, code: str, pointer: str) -> None:
    no = refused(lambda: ours.post("/api/v1/hedges", BODY | changes))
    assert no.status == status
    assert (pointer, code) in {(e["pointer"], e["code"]) for e in no.problem["errors"]}
    assert db.one("SELECT count(*) FROM trades_trade") == (0,)
