"""Commands over the socket: REST's own answers in another envelope, with REST's own rules, and nothing that REST has not."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from flowdesk_client import Key, sign
from websockets.sync.client import ClientConnection

from apps.core import clock, ids
from apps.core.actor import SYSTEM
from apps.pricing.feeds import bus
from apps.rfqs.models import Rfq
from apps.rfqs.queries import get_rfq
from apps.trades.models import PlannedShare, Trade
from tests import web as webs
from tests import world
from tests.live.conftest import LiveProcess, open_socket
from tests.live.test_live import closed_with, hear, hear_each, hear_next, say, wait_until
from tests.stories.test_blocks import open_account

RFQ = {"client_rfq_id": "r-1", "instrument": "BTC-USD", "side": "buy", "quantity": "2"}
KEY = "k" * 20


@pytest.fixture
def acme(live: LiveProcess) -> world.Firm:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])
    return world.firm("acme")


@pytest.fixture
def key(acme: world.Firm) -> Key:
    return webs.key_for(acme.trader)


@pytest.fixture
def socket(live: LiveProcess, key: Key) -> Iterator[ClientConnection]:
    with open_socket(live, key) as opened:
        yield opened


def ask(socket: ClientConnection, op: str, id: str = "c-1", key: str = KEY, **more: Any) -> dict[str, Any]:
    say(socket, op=op, id=id, idempotency_key=key, **more)
    return hear_next(socket, op="answer", id=id)


def quote_of(socket: ClientConnection, **more: Any) -> dict[str, Any]:
    answer = ask(socket, "rfq", body=RFQ | more)
    assert answer["status"] == 201, answer
    return dict(answer["body"]["quote"])


def accept_of(quote: dict[str, Any]) -> dict[str, Any]:
    return {"client_order_id": "o-1", "side": "buy", "price": quote["buy"]["price"]}


def test_a_deal_over_the_socket_is_the_deal_that_rest_shows(socket: ClientConnection, acme: world.Firm) -> None:
    shares = [{"account_id": ids.encode("acc", open_account(firm=acme, name="alpha").id), "quantity": "1"}]
    answer = ask(socket, "rfq", body=RFQ | {"allocations": shares})
    assert (answer["to"], answer["status"], answer["replayed"]) == ("rfq", 201, False)
    assert [one.account.code for one in PlannedShare.objects.all()] == ["acme-alpha"], "planned with it, as over REST"
    assert answer["request_id"].startswith("req_")
    rfq = answer["body"]
    assert rfq["status"] == "QUOTED"
    quote = rfq["quote"]
    done = ask(socket, "accept", "c-2", "a" * 16, quote_id=quote["id"], body=accept_of(quote))
    assert (done["status"], done["body"]["price"]) == (201, quote["buy"]["price"])
    assert Trade.objects.count() == 1
    again = ask(socket, "accept", "c-3", "b" * 16, quote_id=quote["id"], body=accept_of(quote) | {"client_order_id": "o-2"})
    assert (again["status"], again["body"]["code"], again["body"]["retry"]) == (409, "quote_answered", "never")
    assert Trade.objects.count() == 1


def test_one_idempotency_key_is_one_request_over_both(socket: ClientConnection, key: Key, acme: world.Firm) -> None:
    web = webs.start_web()
    try:
        text = json.dumps(RFQ, separators=(",", ":"))
        socket.send(f'{{"op": "rfq", "id":"c-1","idempotency_key":"{KEY}" , "body" : {text}}}')
        first = hear_next(socket, op="answer", id="c-1")
        host = f"127.0.0.1:{web.port}"
        import httpx

        signed = sign(key, method="POST", host=host, path="/api/v1/rfqs", body=text.encode(), idempotency_key=KEY)
        over_rest = httpx.post(f"{web.url}/api/v1/rfqs", content=text.encode(), headers=signed, timeout=60)
        assert (over_rest.status_code, over_rest.headers["Idempotency-Replayed"]) == (201, "true")
        assert over_rest.json() == first["body"]
        socket.send(f'{{"op":"rfq","id":"c-2","idempotency_key":"{KEY}","body":{text}}}')
        assert hear_next(socket, op="answer", id="c-2")["replayed"] is True
        other = ask(socket, "rfq", "c-3", body=RFQ | {"quantity": "3"})
        assert (other["status"], other["body"]["code"]) == (422, "idempotency_key_reused")
        assert Rfq.objects.count() == 1
    finally:
        webs.kill(web)


def test_decline_and_cancel(socket: ClientConnection, acme: world.Firm) -> None:
    quote = quote_of(socket)
    assert ask(socket, "decline", "c-2", "d" * 16, quote_id=quote["id"])["body"]["status"] == "DECLINED"
    rfq = ask(socket, "rfq", "c-3", "e" * 16, body=RFQ | {"client_rfq_id": "r-2"})["body"]
    assert ask(socket, "cancel", "c-4", "f" * 16, rfq_id=rfq["id"])["body"]["status"] == "CANCELLED"
    assert ask(socket, "cancel", "c-5", "g" * 16, rfq_id=rfq["id"])["body"]["code"] == "rfq_closed"


def test_a_counter_and_an_order_are_rests_own(socket: ClientConnection, key: Key, acme: world.Firm) -> None:
    quote = quote_of(socket)
    limit = {"side": "buy", "price": str(world.D(quote["buy"]["price"]) - 1)}
    countered = ask(socket, "counter", "c-2", "n" * 16, quote_id=quote["id"], body=limit)
    assert (countered["to"], countered["status"], countered["body"]["status"]) == ("counter", 200, "RECEIVED")
    again = ask(socket, "counter", "c-3", "m" * 16, quote_id=quote["id"], body=limit)
    assert (again["status"], again["body"]["code"]) == (409, "quote_answered")
    asked = {"client_order_id": "fok-1", "instrument": "BTC-USD", "side": "buy", "quantity": "2", "time_in_force": "FOK"}
    no = ask(socket, "order", "c-4", "o" * 16, body=asked | {"limit_price": "1"})
    assert (no["status"], no["body"]["code"]) == (422, "price_not_met")
    dealt = asked | {"client_order_id": "fok-2", "limit_price": "99999"}
    dealt["allocations"] = [{"account_id": ids.encode("acc", open_account(firm=acme, name="alpha").id), "quantity": "1"}]
    done = ask(socket, "order", "c-5", "p" * 16, body=dealt)
    assert [one.account.code for one in PlannedShare.objects.all()] == ["acme-alpha"]
    assert (done["status"], Trade.objects.count()) == (201, 1)
    replayed = ask(socket, "order", "c-6", "p" * 16, body=dealt)
    assert (replayed["replayed"], replayed["body"]) == (True, done["body"])
    assert Trade.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        ('{"client_rfq_id":"r-1","instrument":"BTC-USD","side":"buy","quantity":"2","quantity":"3"}', 400, "duplicate_member", "/quantity"),
        ('{"client_rfq_id":"r-1","instrument":"BTC-USD","side":"buy","quantity":NaN}', 400, "not_json", "/quantity"),
        ('{"client_rfq_id":"r-1","instrument":"BTC-USD","side":"buy","quantity":2.5}', 400, "number_not_allowed", "/quantity"),
        ('{"client_rfq_id":"\\ud800","instrument":"BTC-USD","side":"buy","quantity":"2"}', 400, "invalid_character", "/client_rfq_id"),
        ('{"client_rfq_id":"r-1","instrument":"BTC-USD","side":"buy","quantity":"2","x":1}', 400, "number_not_allowed", "/x"),
        ("[]", 400, "not_an_object", ""),
        ('{"client_rfq_id":"r-1","instrument":"DOGE-USD","side":"buy","quantity":"2"}', 422, "unknown_instrument", "/instrument"),
    ],
)
def test_a_bad_body_gets_the_answer_of_rest_and_the_socket_stays(
    socket: ClientConnection, body: str, status: int, code: str, pointer: str
) -> None:
    socket.send(f'{{"op":"rfq","id":"c-1","idempotency_key":"{KEY}","body":{body}}}')
    answer = hear_next(socket, op="answer", id="c-1")
    assert answer["status"] == status
    assert (pointer, code) in {(e["pointer"], e["code"]) for e in answer["body"]["errors"]}
    say(socket, op="ping")
    assert hear_next(socket, op="pong")
    assert Rfq.objects.count() == 0


@pytest.mark.parametrize(
    ("members", "pointer", "code"),
    [
        ({"idempotency_key": "short", "body": RFQ}, "/idempotency_key", "invalid_idempotency_key"),
        ({"body": RFQ}, "/idempotency_key", "required"),
    ],
)
def test_a_bad_envelope_of_a_command_is_answered_too(socket: ClientConnection, members: dict[str, Any], pointer: str, code: str) -> None:
    say(socket, op="rfq", id="c-9", **members)
    answer = hear_next(socket, op="answer", id="c-9")
    assert (answer["status"], answer["body"]["code"]) == (400, "invalid_request")
    assert answer["body"]["errors"][0]["pointer"] == pointer
    assert answer["body"]["errors"][0]["code"] == code


@pytest.mark.parametrize(
    ("text", "pointer", "code"),
    [
        ('{"op":"dance"}', "/op", "unknown_op"),
        ('{"op":"ping","op":"ping"}', "/op", "duplicate_member"),
        ('{"op":"ping","x":"y"}', "/x", "unknown_field"),
        ('{"op":"ack","ch":"events","seq":1e3}', "/seq", "number_not_allowed"),
        ('{"op":"ack","ch":"events","seq":NaN}', "/seq", "not_json"),
        ('{"op":"ack","ch":"events","seq":' + "9" * 5000 + "}", "/seq", "number_too_large"),
        ('{"op":"ping","\\ud800":"y"}', "/\\ud800", "invalid_character"),
        ('{"op":"sub","ch":' + "[" * 20_000 + "]" * 20_000 + "}", "", "too_deep"),
        ('{"op":"ping","body":{}}', "/body", "unknown_field"),
        ("nothing", "", "not_json"),
        ('"ping"', "", "not_an_object"),
        ("", "", "not_json"),
    ],
)
def test_what_is_not_of_the_protocol_is_named_and_ends_the_session(socket: ClientConnection, text: str, pointer: str, code: str) -> None:
    socket.send(text)
    told = hear(socket)
    assert told["op"] == "error"
    assert (pointer, code) in {(e["pointer"], e["code"]) for e in told["errors"]}
    assert closed_with(socket) == 4400


def test_scopes_and_strangers_are_refused_as_over_rest(live: LiveProcess, socket: ClientConnection, acme: world.Firm) -> None:
    quote = quote_of(socket)
    reader = webs.key_for(acme.trader, scopes=("read",))
    with open_socket(live, reader) as other:
        no = ask(other, "rfq", body=RFQ | {"client_rfq_id": "r-9"})
        assert (no["status"], no["body"]["code"]) == (403, "scope_missing")
    with open_socket(live, webs.key_for(world.firm("mallory").trader)) as stranger:
        theirs = ask(stranger, "accept", quote_id=quote["id"], body=accept_of(quote))
        nothing = ask(stranger, "accept", "c-2", "z" * 16, quote_id="quo_" + "0" * 26, body=accept_of(quote))
        assert (theirs["status"], theirs["body"]["detail"]) == (404, nothing["body"]["detail"])
        say(stranger, op="sub", ch=f"rfq.{quote['rfq_id']}")
        assert hear_next(stranger, op="error")["code"] == "not_found"
    assert Trade.objects.count() == 0


def test_a_scope_taken_from_a_key_ends_at_the_next_command(
    live: LiveProcess, socket: ClientConnection, key: Key, damage: psycopg.Connection[Any]
) -> None:
    damage.execute("UPDATE clients_apikey SET revoked_at = now() WHERE key_id = %s", [key.key_id])
    say(socket, op="rfq", id="c-1", idempotency_key=KEY, body=RFQ)
    assert closed_with(socket) == 4401
    assert Rfq.objects.count() == 0


def test_a_streamed_requests_channel_tells_how_it_stands_and_then_each_quote(socket: ClientConnection, acme: world.Firm) -> None:
    from apps.workflows.stream_quotes import stream_quote

    rfq = ask(socket, "rfq", body=RFQ | {"stream": True})["body"]
    ch = f"rfq.{rfq['id']}"
    say(socket, op="sub", ch=ch)
    assert hear_next(socket, op="subscribed")["ch"] == ch
    state = hear_next(socket, ch=ch, type="rfq.state")
    assert state["data"]["quote"]["id"] == rfq["quote"]["id"]
    clock.freeze_desk(world.NOON + timedelta(seconds=1))
    depth = world.depth(mid="20100", at=world.NOON + timedelta(seconds=1))
    newer = stream_quote(rfq_id=Rfq.objects.get().id, depth=depth, usd_per_quote=world.D(1))
    frame = hear_next(socket, ch=ch, type="quote.replaced")
    assert frame["data"]["id"] == ids.encode("quo", newer.id)
    assert frame["seq"] > state["seq"]
    beat = hear_next(socket, op="heartbeat")
    assert beat["tops"][ch] == frame["seq"]
    say(socket, op="cancel", id="c-2", idempotency_key="c" * 16, rfq_id=rfq["id"])
    told, answer = hear_each(socket, {"ch": ch, "type": "rfq.cancelled"}, {"op": "answer", "id": "c-2"})
    assert (told["data"]["status"], answer["status"]) == ("CANCELLED", 200)


def test_what_is_open_is_cancelled_when_the_socket_goes_and_only_where_it_was_asked_to_be(live: LiveProcess, key: Key) -> None:
    for wish, status in ((True, "CANCELLED"), (False, "QUOTED")):
        with open_socket(live, key) as socket:
            say(socket, op="options", cancel_on_disconnect=wish)
            assert hear(socket) == {"op": "options", "cancel_on_disconnect": wish}
            dealt = ask(socket, "rfq", key=f"{wish}-dealt-0123456789", body=RFQ | {"client_rfq_id": f"{wish}-dealt"})["body"]["quote"]
            done = ask(
                socket,
                "accept",
                "c-2",
                f"{wish}-accept-012345",
                quote_id=dealt["id"],
                body=accept_of(dealt) | {"client_order_id": f"{wish}"},
            )
            assert done["status"] == 201
            open_one = ask(socket, "rfq", "c-3", f"{wish}-open-0123456789", body=RFQ | {"client_rfq_id": f"{wish}-open"})["body"]
            socket.socket.close()
        found = ids.decode("rfq", open_one["id"])
        end = time.monotonic() + (60 if wish else 1)
        while time.monotonic() < end and get_rfq(found, actor=SYSTEM).status != "CANCELLED":
            time.sleep(0.05)
        assert get_rfq(found, actor=SYSTEM).status == status
        assert get_rfq(ids.decode("rfq", dealt["rfq_id"]), actor=SYSTEM).status == "FILLED"


# Held for as long as it takes: a lock would be given up after lock_timeout.
HOLD = """
CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  WHILE NOT pg_try_advisory_xact_lock_shared(4713) LOOP PERFORM pg_sleep(0.05); END LOOP;
  RETURN NEW;
END $$;
CREATE TRIGGER held BEFORE INSERT ON rfqs_rfq FOR EACH ROW EXECUTE FUNCTION held()
"""
IS_HELD = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"


def test_a_command_under_way_is_answered_before_the_server_goes(
    own_live: Callable[..., LiveProcess], acme: world.Firm, key: Key, damage: psycopg.Connection[Any]
) -> None:
    live = own_live(FLOWDESK_PROCESS="command")  # with that one's statement_timeout
    damage.execute("SELECT pg_advisory_lock(4713)")
    damage.execute(HOLD)
    try:
        with open_socket(live, key) as socket:
            say(socket, op="rfq", id="c-1", idempotency_key=KEY, body=RFQ)
            wait_until(lambda: damage.execute(IS_HELD).fetchone() is not None)
            live.process.send_signal(signal.SIGTERM)
            assert hear_next(socket, op="shutdown")
            say(socket, op="rfq", id="c-2", idempotency_key="y" * 16, body=RFQ | {"client_rfq_id": "r-2"})
            late = hear_next(socket, op="answer")
            assert (late["id"], late["status"], late["body"]["retry"]) == ("c-2", 503, "safe")
            damage.execute("SELECT pg_advisory_unlock(4713)")
            assert hear_next(socket, op="answer", id="c-1")["status"] == 201
            assert closed_with(socket) == 1012
        assert live.process.wait(60) == 0
    finally:
        damage.execute("SELECT pg_advisory_unlock_all()")
        damage.execute("DROP TRIGGER held ON rfqs_rfq; DROP FUNCTION held()")


def test_reauth_renews_and_a_false_one_is_named(live: LiveProcess, acme: world.Firm, key: Key, socket: ClientConnection) -> None:
    def headers(of: Key, path: str = "/ws/v1/") -> dict[str, str]:
        signed = sign(of, method="GET", host=live.host, path=path)
        return {"signature_input": signed["Signature-Input"], "signature": signed["Signature"]}

    good = headers(key)
    say(socket, op="reauth", **good)
    assert hear(socket)["op"] == "reauthenticated"
    for bad in (good, headers(key, "/ws/v2/"), headers(webs.key_for(acme.treasury))):
        say(socket, op="reauth", **bad)
        assert hear(socket)["code"] == "invalid_signature"
