"""What is forced over a socket is what is forced over REST, with the same keys and answers."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests import web as webs
from tests.guard.knock import check
from tests.live.conftest import LiveProcess, open_socket, start_live
from tests.ports import free_port

from .sandbox import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def sandbox_live(sandbox_web: webs.Web) -> Iterator[LiveProcess]:
    live = start_live(free_port(), FLOWDESK_ENVIRONMENT="sandbox")
    yield live
    live.stop()


class Line:
    """One socket whose handshake names a scenario."""

    def __init__(self, opened: ExitStack, live: LiveProcess, sandbox: Sandbox, scenario: str = "") -> None:
        headers = {"Flowdesk-Scenario": scenario} if scenario else {}
        self.socket = opened.enter_context(open_socket(live, sandbox.first.api.key, headers=headers))

    def say(self, op: str, key: str, body: dict[str, Any], **target: str) -> tuple[int, dict[str, Any]]:
        self.socket.send(json.dumps({"op": op, "id": key, "idempotency_key": f"{key:x<20}", "body": body, **target}))
        while (message := json.loads(self.socket.recv(60))).get("op") != "answer":
            pass
        return message["status"], message["body"]


def rfq(reference: str, quantity: str = "1") -> dict[str, str]:
    return {"client_rfq_id": reference, "instrument": "BTC-USD", "side": "buy", "quantity": quantity}


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def test_what_is_forced_over_a_socket(sandbox_live: LiveProcess, sandbox: Sandbox, opened: ExitStack) -> None:
    plain, wrong = Line(opened, sandbox_live, sandbox), []
    for reference, quantity, wanted in (("m-1", "1.0001", "RECEIVED"), ("m-0", "1", "QUOTED")):
        assert plain.say("rfq", reference, rfq(reference, quantity))[1]["status"] == wanted
    status, no = plain.say("rfq", "m-2", rfq("m-2", "1.0071"))
    assert (status, no["code"], no["scenario"]) == (422, "credit_exceeded", "caused")
    assert sandbox.first.by_client_id.get("m-2").answer["code"] == "credit_exceeded"
    status, no = plain.say("rfq", "m-3", rfq("m-3", "1.0062"))
    assert (status, no["code"]) == (503, "outcome_unknown")
    assert plain.say("rfq", "m-3", rfq("m-3", "1.0062"))[1]["status"] == "QUOTED", "it was done, and the same key tells it"
    for code, status, how in (
        ("trading_halted", 422, "caused"), ("length_required", 411, None), ("body_too_large", 413, None),
        ("unsupported_media_type", 415, None), ("ip_not_allowed", 403, None), ("invalid_signature", 401, "at_the_door"),
        ("rate_limited", 429, "at_the_door"), ("no_such_code", 400, "at_the_door"),
    ):  # fmt: skip
        got, no = Line(opened, sandbox_live, sandbox, code).say("rfq", f"s-{code}", rfq(f"s-{code}"))
        if (got, no["code"], no.get("scenario")) != (status, "invalid_request" if code == "no_such_code" else code, how):
            wrong.append(f"{code}: {got} {no}")
    check(wrong)
    quote = plain.say("rfq", "q-1", rfq("q-1"))[1]["quote"]
    deal = {"client_order_id": "o-1", "side": "buy", "price": quote["buy"]["price"]}
    forced = Line(opened, sandbox_live, sandbox, "quote_withdrawn")
    status, no = forced.say("accept", "o-1", deal, quote_id=quote["id"])
    assert (status, no["code"], no["scenario"]) == (409, "quote_withdrawn", "caused")
    assert plain.say("accept", "o-2", deal | {"client_order_id": "o-2"}, quote_id=quote["id"])[0] == 201


def test_each_command_is_refused_by_its_cause(sandbox_live: LiveProcess, sandbox: Sandbox, opened: ExitStack) -> None:
    plain, wrong = Line(opened, sandbox_live, sandbox), []
    answered = plain.say("rfq", "a-1", rfq("a-1"))[1]
    quote, price = {"quote_id": answered["quote"]["id"]}, {"side": "buy", "price": answered["quote"]["buy"]["price"]}
    order = {"client_order_id": "k-1", "limit_price": "90000", "time_in_force": "FOK", **rfq("")}
    order.pop("client_rfq_id")
    for op, code, status, body, target in (
        ("rfq", "duplicate_client_rfq_id", 409, rfq("k-0"), {}),
        ("order", "price_not_met", 422, order, {}),
        ("accept", "price_mismatch", 422, price | {"client_order_id": "k-2"}, quote),
        ("counter", "counter_not_better", 422, price, quote),
        ("decline", "quote_superseded", 409, {}, quote),
        ("cancel", "rfq_closed", 409, {}, {"rfq_id": answered["id"]}),
    ):
        got, no = Line(opened, sandbox_live, sandbox, code).say(op, f"k-{op}", body, **target)
        if (got, no.get("code"), no.get("scenario")) != (status, code, "caused"):
            wrong.append(f"{op}: {got} {no}")
    check(wrong)
    assert plain.say("accept", "a-2", price | {"client_order_id": "a-2"}, **quote)[0] == 201, "nothing of it stayed"
