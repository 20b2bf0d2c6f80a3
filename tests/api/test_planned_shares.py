"""Shares of a deal named with its request: planned with it or nothing is asked, answered again under the same key, and dealt so."""

import secrets
from typing import Any

import pytest

from apps.core import clock, ids
from apps.credit.models import Reservation
from apps.events.models import Event
from apps.jobs.trades import carry_out_plans
from apps.pricing.feeds import bus
from apps.rfqs.models import Rfq
from apps.trades import queries
from apps.trades.models import AllocationPlan, Trade
from tests import web as webs
from tests import world
from tests.api.test_flights import accept, ask, post
from tests.settlement import world as here
from tests.stories.test_blocks import open_account

pytestmark = pytest.mark.django_db(transaction=True)


def test_shares_are_planned_with_the_request_or_nothing_is_asked() -> None:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])
    here.open_house("USD", "BTC")
    acme, rival = world.firm("acme"), world.firm("borealis")
    funds = {name: ids.encode("acc", open_account(firm=acme, name=name).id) for name in ("alpha", "beta")}
    key = webs.key_for(world.actor_of(acme.account, "Trader"))

    def shares(*parts: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"account_id": funds.get(name, name), **part} for name, part in parts]

    wrong: list[tuple[list[Any], int, str, str]] = [
        ([], 400, "invalid_request", ""),
        (shares(("alpha", {"quantity": "1", "percent": "50"})), 400, "invalid_request", ""),
        (shares(("alpha", {"quantity": "1.5"}), ("beta", {"quantity": "1"})), 422, "bad_allocation", "/allocations"),
        (shares(("alpha", {"quantity": "1"}), ("alpha", {"quantity": "1"})), 422, "bad_allocation", "/allocations/1/account_id"),
        (shares((ids.encode("acc", rival.account.id), {"quantity": "1"})), 422, "bad_allocation", "/allocations/0/account_id"),
    ]
    for number, (given, status, code, pointer) in enumerate(wrong):
        body = {"client_rfq_id": f"w-{number}", "instrument": "BTC-USD", "side": "buy", "quantity": "2", "allocations": given}
        no = post(key, "/api/v1/rfqs", body)
        assert (no.status_code, no.json()["code"]) == (status, code), no.json()
        assert not pointer or [one["pointer"] for one in no.json()["errors"]] == [pointer], no.json()
        looked = post(key, "/api/v1/rfqs/validate", body).json()
        assert not looked["valid"] and (status == 400 or [(p["code"], p["pointer"]) for p in looked["problems"]] == [(code, pointer)]), (
            looked
        )
    quoting_only = webs.key_for(world.actor_of(acme.account, "Trader"), scopes=("read", "quote"))
    assert ask(quoting_only, "w-9", allocations=shares(("alpha", {"quantity": "1"}))).status_code == 403
    assert not Rfq.objects.exists() and not Reservation.objects.exists() and not AllocationPlan.objects.exists()

    wanted = shares(("alpha", {"quantity": "1.5"}), ("beta", {"percent": "25"}))
    body = {"client_rfq_id": "r-1", "instrument": "BTC-USD", "side": "buy", "quantity": "2", "allocations": wanted}
    assert post(key, "/api/v1/rfqs/validate", body).json()["valid"]
    once = secrets.token_urlsafe(24)
    first, again = (post(key, "/api/v1/rfqs", body, once=once) for _ in range(2))
    assert (first.status_code, again.content) == (201, first.content)
    other = post(key, "/api/v1/rfqs", body | {"allocations": wanted[:1]}, once=once)
    assert other.json()["code"] == "idempotency_key_reused"
    (plan,) = AllocationPlan.objects.all()
    assert [(one.account.code, one.quantity, one.percent) for one in plan.shares.order_by("position")] == [
        ("acme-alpha", 1.5, None),
        ("acme-beta", None, 25),
    ]
    told = Event.objects.filter(client_id=acme.client_id, kind__in=["rfq.quoted", "allocation.planned"]).order_by("client_seq")
    assert [e.kind for e in told] == ["rfq.quoted", "allocation.planned"]
    assert accept(key, first).status_code == 201 and carry_out_plans() == 1
    dealt = [(one.account.code, one.status, one.quantity) for one in queries.list_allocations(Trade.objects.get())]
    assert sorted(dealt) == [("acme-alpha", "ACCEPTED", 1.5), ("acme-beta", "ACCEPTED", 0.5)]


def test_an_order_takes_the_same_shares_and_deals_nothing_without_them() -> None:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])
    here.open_house("USD", "BTC")
    acme, rival = world.firm("acme"), world.firm("borealis")
    alpha, theirs = (ids.encode("acc", one.id) for one in (open_account(firm=acme, name="alpha"), rival.account))
    key = webs.key_for(world.actor_of(acme.account, "Trader"))
    order = {"instrument": "BTC-USD", "side": "buy", "quantity": "2", "limit_price": "20500", "time_in_force": "FOK"}
    wrong: list[tuple[list[Any], int, str]] = [
        ([], 400, "invalid_request"),
        ([{"account_id": alpha}], 400, "invalid_request"),
        ([{"account_id": alpha, "quantity": "3"}], 422, "bad_allocation"),
        ([{"account_id": theirs, "percent": "50"}], 422, "bad_allocation"),
    ]
    for number, (given, status, code) in enumerate(wrong):
        no = post(key, "/api/v1/orders", order | {"client_order_id": f"w-{number}", "allocations": given})
        assert (no.status_code, no.json()["code"]) == (status, code), no.json()
    assert not Trade.objects.exists() and not Rfq.objects.exists() and not Reservation.objects.exists()

    body = order | {"client_order_id": "o-1", "allocations": [{"account_id": alpha, "percent": "25"}]}
    once = secrets.token_urlsafe(24)
    first, again = (post(key, "/api/v1/orders", body, once=once) for _ in range(2))
    assert (first.status_code, again.content) == (201, first.content)
    assert AllocationPlan.objects.get().status == "PLANNED" and carry_out_plans() == 1
    (share,) = queries.list_allocations(Trade.objects.get())
    assert (share.account.code, share.status, share.quantity) == ("acme-alpha", "ACCEPTED", 0.5)
    assert post(key, "/api/v1/orders", order | {"client_order_id": "o-2"}).status_code == 201
    assert AllocationPlan.objects.count() == 1, "an order that names nobody plans nothing"
