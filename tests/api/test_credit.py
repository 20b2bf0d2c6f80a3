"""Lines, what-if and calls over the API; what a stranger sees of them; a group's line tells nothing of the other firms."""

from datetime import timedelta
from decimal import Decimal as D
from typing import Any

import pytest
from flowdesk_client import Api, Refused

from apps.core import clock, db
from apps.credit.models import Line, Reservation
from apps.pricing.feeds import bus
from apps.workflows.manage_credit import issue_call
from tests import lines, world
from tests import web as webs

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme(web: webs.Web) -> world.Firm:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth(size="100000")])
    return world.firm("acme", line=D(1_000_000), group="Holdings")


@pytest.fixture
def api(web: webs.Web, acme: world.Firm) -> Api:
    return webs.api(web, acme.trader, attempts=1)


def deal(side: str = "buy", quantity: str = "10", **more: Any) -> dict[str, Any]:
    return {"instrument": "BTC-USD", "side": side, "quantity": quantity} | more


def test_a_client_sees_its_lines_with_each_value_date(api: Api) -> None:
    asked = api.post("/api/v1/rfqs", {"client_rfq_id": "r1", "instrument": "BTC-USD", "side": "buy", "quantity": "1"})
    side = asked["quote"]["buy"]
    assert (side["binding"], side["binding_measure"]) == ("CLIENT", "SETTLEMENT")
    by = {line["measure"]: line for line in api.get("/api/v1/credit")["data"]}
    assert by.keys() == {"PRE_SETTLEMENT", "SETTLEMENT"}
    assert by["SETTLEMENT"]["days"] == [{"day": asked["value_date"], "reserved": side["quote_quantity"], "used": "0"}]
    assert D(by["SETTLEMENT"]["headroom"]) == D(1_000_000) - D(side["quote_quantity"]) == D(side["headroom_after"])
    assert by["PRE_SETTLEMENT"]["limit"] == "1000000"


def test_what_if_goes_deal_by_deal_and_stores_nothing(api: Api) -> None:
    before = db.one("SELECT count(*) FROM core_storedanswer")
    told = api.post("/api/v1/credit/what-if", {"deals": [deal(), deal(quantity="30"), deal("sell", "40"), deal(quantity="1")]})["data"]
    assert [one["fits"] for one in told] == [True, True, False, True]
    assert [one["headroom_after"] for one in told if one["fits"]] == ["800000", "200000", "180000"]
    assert {(one["binding"], one["binding_measure"]) for one in told} == {("CLIENT", "SETTLEMENT")}
    assert told[2]["code"] == "credit_exceeded"
    assert not Reservation.objects.exists()
    assert db.one("SELECT count(*) FROM core_storedanswer") == before
    assert lines.taken() == (D(0), D(0))


@pytest.mark.parametrize(
    ("deals", "faults"),
    [
        ([], {"": "invalid"}),
        ([deal()] * 51, {"": "invalid"}),
        ([deal(quote_quantity="5")], {"/0/quantity": "exactly_one", "/0/quote_quantity": "exactly_one"}),
        ([{"instrument": "BTC-USD", "side": "buy"}], {"/0/quantity": "exactly_one", "/0/quote_quantity": "exactly_one"}),
        ([deal(), deal("both")], {"/1/side": "invalid_choice"}),
        ([deal(colour="red"), deal(quantity="-1")], {"/0/colour": "unknown_field", "/1/quantity": "invalid_amount"}),
        (["x"], {"/0": "invalid"}),
        ({"a": "1"}, {"": "invalid"}),
    ],
)
def test_a_bad_list_is_named_fault_by_fault(api: Api, deals: Any, faults: dict[str, str]) -> None:
    with pytest.raises(Refused) as no:
        api.post("/api/v1/credit/what-if", {"deals": deals})
    assert no.value.status == 400
    assert {one["pointer"].removeprefix("/deals"): one["code"] for one in no.value.problem["errors"]} == faults


def test_what_if_of_an_unknown_instrument_says_so_for_that_deal(api: Api) -> None:
    told = api.post("/api/v1/credit/what-if", {"deals": [deal(instrument="DOGE-USD"), deal()]})["data"]
    assert [(one["fits"], one.get("code")) for one in told] == [(False, "unknown_instrument"), (True, None)]


def test_a_stranger_sees_its_own_and_nothing_of_ours(web: webs.Web, api: Api, acme: world.Firm) -> None:
    mallory = world.firm("mallory", line=None, group="Holdings")
    theirs = webs.api(web, mallory.trader, attempts=1)
    line = Line.objects.get(subject_id=acme.client_id, measure="PRE_SETTLEMENT")
    due = world.NOON + timedelta(hours=4)
    issue_call(actor=lines.risk()[0], line_id=line.id, client_id=None, amount=D(5000), reason="concentration", due_at=due)
    group = acme.account.owner.group_id
    assert group is not None
    lines.grant(subject_id=group, level="GROUP", amount="900")
    assert [(call["amount"], call["status"]) for call in api.get("/api/v1/exposure-calls")["data"]] == [("5000", "ISSUED")]
    assert theirs.get("/api/v1/exposure-calls")["data"] == []
    assert theirs.get("/api/v1/credit")["data"] == [
        {"level": "GROUP", "measure": "PRE_SETTLEMENT", "account_id": None, "currency": "USD", "headroom": "900"}
    ]
    with pytest.raises(Refused) as no:
        from apps.core import ids

        theirs.post("/api/v1/credit/what-if", {"deals": [deal(account_id=ids.encode("acc", acme.account.id))]})
    assert no.value.status == 404
    clock.freeze_desk(due)
    assert api.get("/api/v1/exposure-calls")["data"][0]["status"] == "OVERDUE"
