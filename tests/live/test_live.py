"""The live server from outside: nothing lost, nothing twice, nothing to strangers, and no memory for those who do not read."""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import redis
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from flowdesk_client import EventStream, Frame, HistoryLost, LiveClosed, Refused, sign
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from apps.api.live.said import PARTS
from apps.core.actor import Actor
from apps.pricing.feeds import bus as price_bus
from apps.pricing.rules import Composite, Level, Source
from apps.users.operations import create_staff
from apps.workflows.halt import throw_halt
from flowdesk.valkey import Valkey
from tests.live.asyncapi import hold
from tests.live.conftest import ROOT, Firm, LiveProcess, found_firm, open_socket, publish, write_events
from tests.ports import free_port

D = Decimal
HEAL_S = 60  # promised are the five seconds of the comparison, and two to lose a socket: of a machine that does nothing else
REVOKE_S = 60


def say(socket: ClientConnection, **message: Any) -> None:
    socket.send(json.dumps(message))


def hear_any(socket: ClientConnection, timeout: float = 30) -> dict[str, Any]:
    """The next message, which is as the AsyncAPI document says."""
    message = dict(json.loads(socket.recv(timeout=max(0, timeout))))
    if message.get("ch") != "desk":
        hold(message)
    return message


def hear(socket: ClientConnection, timeout: float = 30) -> dict[str, Any]:
    """The next message that is no heartbeat: those come between any two."""
    while (message := hear_any(socket, timeout)).get("op") == "heartbeat":
        pass
    return message


def hear_next(socket: ClientConnection, timeout: float = 30, **like: Any) -> dict[str, Any]:
    """The next message with these members; others are passed over."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        message = hear_any(socket, end - time.monotonic())
        if all(message.get(name) == value for name, value in like.items()):
            return message
    raise TimeoutError(f"not heard: {like}")


def hear_each(socket: ClientConnection, *like: dict[str, Any], timeout: float = 30) -> list[dict[str, Any]]:
    """The first message with each of these members, in whatever order they come; others are passed over."""
    end = time.monotonic() + timeout
    found: list[dict[str, Any] | None] = [None] * len(like)
    while None in found:
        message = hear_any(socket, end - time.monotonic())
        for at, members in enumerate(like):
            if found[at] is None and all(message.get(name) == value for name, value in members.items()):
                found[at] = message
    return [one for one in found if one is not None]


def hear_events(socket: ClientConnection, count: int) -> list[int]:
    return [hear_next(socket, ch="events", op=None)["seq"] for _ in range(count)]


def closed_with(socket: ClientConnection, timeout: float = 30) -> int:
    end = time.monotonic() + timeout
    try:
        while time.monotonic() < end:
            socket.recv(timeout=max(0.1, end - time.monotonic()))
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006
    raise AssertionError("it was not closed")


def wait_until(condition: Callable[[], bool], within_s: float = 60) -> None:
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.02)


def take(stream: EventStream, count: int) -> list[Frame]:
    frames: list[Frame] = []
    for frame in stream:
        assert isinstance(frame, Frame)
        frames.append(frame)
        if len(frames) == count:
            break
    stream.close()
    return frames


# --- order, resume, healing -------------------------------------------------------------------------------------------
def test_what_was_missed_comes_in_order_and_then_what_happens(live: LiveProcess, acme: Firm) -> None:
    write_events(acme.client_id, 300)
    with open_socket(live, acme.key) as socket:
        assert socket.subprotocol == "otc.v1.json"
        say(socket, op="sub", ch="events", after_seq=10)
        told = hear(socket)
        assert told == {"op": "subscribed", "ch": "events", "recovered": True, "after_seq": 10, "last_seq": 300}
        assert hear_events(socket, 290) == list(range(11, 301))
        write_events(acme.client_id, 3)
        assert hear_events(socket, 3) == [301, 302, 303]


def test_an_envelope_carries_channel_sequence_time_type_id_and_the_public_payload(live: LiveProcess, acme: Firm) -> None:
    write_events(acme.client_id)
    with open_socket(live, acme.key) as socket:
        say(socket, op="sub", ch="events", after_seq=0)
        hear(socket)
        frame = hear(socket)
    assert set(frame) == {"ch", "seq", "ts", "type", "id", "data"}
    assert (frame["ch"], frame["seq"], frame["type"], frame["data"]) == ("events", 1, "quote.created", {"n": 0, "pad": ""})
    assert frame["id"].startswith("evt_")
    assert frame["ts"].endswith("Z")


def test_without_after_seq_the_stream_begins_now(live: LiveProcess, acme: Firm) -> None:
    write_events(acme.client_id, 5)
    with open_socket(live, acme.key) as socket:
        say(socket, op="sub", ch="events")
        assert hear(socket)["last_seq"] == 5
        write_events(acme.client_id)
        assert hear_events(socket, 1) == [6]


def test_the_stream_has_no_gap_and_no_repeat_across_kill_9_and_restart_while_facts_are_written(
    own_live: Callable[..., LiveProcess], acme: Firm, damage: psycopg.Connection[Any]
) -> None:
    port, total = free_port(), 400
    first = own_live(port)

    def write() -> None:
        for _ in range(total // 4):
            write_events(acme.client_id, 4, session=damage)
            time.sleep(0.02)

    stream = EventStream(first.url, acme.key, after_seq=0)
    seen: list[Frame] = []
    reader = threading.Thread(target=lambda: seen.extend(take(stream, total)))
    writer = threading.Thread(target=write)
    reader.start()
    writer.start()
    wait_until(lambda: (stream.last_seq or 0) >= 20)
    first.stop(signal.SIGKILL)
    own_live(port)
    writer.join()
    reader.join(60)
    assert [frame.seq for frame in seen] == list(range(1, total + 1))
    assert stream.reconnects >= 1


def test_eight_writers_and_two_readers_see_every_fact_once_in_order(live: LiveProcess, acme: Firm) -> None:

    streams = [EventStream(live.url, acme.key, after_seq=0) for _ in range(2)]
    seen: list[list[Frame]] = [[], []]
    readers = [threading.Thread(target=lambda i=i: seen[i].extend(take(streams[i], 400))) for i in range(2)]  # type: ignore[misc]
    for reader in readers:
        reader.start()

    def write() -> None:
        try:
            for _ in range(50):
                write_events(acme.client_id)
        finally:
            connection.close()

    writers = [threading.Thread(target=write) for _ in range(8)]
    for thread in writers:
        thread.start()
    for thread in [*writers, *readers]:
        thread.join(60)
    for one in seen:
        assert [frame.seq for frame in one] == list(range(1, 401))


def test_a_lost_nudge_heals(live: LiveProcess, acme: Firm) -> None:
    with open_socket(live, acme.key) as socket:
        say(socket, op="sub", ch="events", after_seq=0)
        hear(socket)
        write_events(acme.client_id, 2, nudge=False)
        assert hear_next(socket, HEAL_S, ch="events", op=None)["seq"] == 1
        assert hear_events(socket, 1) == [2]


def test_a_doubled_or_foreign_or_broken_nudge_does_no_harm(live: LiveProcess, acme: Firm, mallory: Firm) -> None:
    with open_socket(live, acme.key) as socket:
        say(socket, op="sub", ch="events", after_seq=0)
        hear(socket)
        for nudge in (str(acme.client_id), str(mallory.client_id), "house", "no id", ""):
            publish("events", nudge)
        write_events(acme.client_id)
        publish("events", str(acme.client_id))
        assert hear_events(socket, 1) == [1]
        write_events(acme.client_id)
        assert hear_events(socket, 1) == [2]


def test_more_than_seven_days_back_is_said_and_never_a_silent_hole(live: LiveProcess, acme: Firm) -> None:
    write_events(acme.client_id, 3, days_ago=8)
    write_events(acme.client_id, 2)
    with open_socket(live, acme.key) as socket:
        say(socket, op="sub", ch="events", after_seq=1)
        assert hear(socket) == {"op": "subscribed", "ch": "events", "recovered": False, "after_seq": 5, "last_seq": 5}
        parts = []
        while not (part := hear_next(socket, op="snapshot", last_seq=5)).get("complete"):
            parts.append(part["part"])
        assert parts == list(PARTS)
        write_events(acme.client_id)
        assert hear_events(socket, 1) == [6]
    with open_socket(live, acme.key) as socket:
        say(socket, op="sub", ch="events", after_seq=3)
        assert hear(socket)["recovered"] is True
        assert hear_events(socket, 3) == [4, 5, 6]


def test_a_sequence_from_the_future_is_not_recovered(live: LiveProcess, acme: Firm) -> None:
    write_events(acme.client_id, 2)
    stream = EventStream(live.url, acme.key, after_seq=99)
    assert next(iter(stream)) == HistoryLost(2)
    stream.close()


def test_a_foreign_clients_events_are_never_delivered(live: LiveProcess, acme: Firm, mallory: Firm) -> None:
    write_events(acme.client_id, 50)
    with open_socket(live, mallory.key) as spy, open_socket(live, acme.key) as own:
        say(spy, op="sub", ch="events", after_seq=0)
        say(own, op="sub", ch="events", after_seq=0)
        assert hear(spy)["last_seq"] == 0
        assert hear(own)["last_seq"] == 50
        write_events(acme.client_id, 5)
        assert hear_events(own, 55) == list(range(1, 56))
        write_events(mallory.client_id)
        assert hear_next(spy, ch="events", op=None)["seq"] == 1


def test_the_heartbeat_tells_the_top_of_each_channel(live: LiveProcess, acme: Firm) -> None:
    write_events(acme.client_id, 7)
    with open_socket(live, acme.key) as socket:
        say(socket, op="sub", ch="events")
        say(socket, op="sub", ch="prices.BTC-USD")
        beat = hear_next(socket, 60, op="heartbeat")
        assert beat["tops"]["events"] == 7
        assert "prices.BTC-USD" in beat["tops"]


def test_a_reader_whose_connection_is_killed_comes_back_without_gap(live: LiveProcess, acme: Firm, damage: psycopg.Connection[Any]) -> None:
    with open_socket(live, acme.key) as socket:
        say(socket, op="sub", ch="events", after_seq=0)
        hear(socket)
        for number in range(1, 4):
            killed = damage.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'flowdesk-live'"
            ).fetchone()
            assert killed is not None
            write_events(acme.client_id)
            assert hear_next(socket, HEAL_S, ch="events", op=None)["seq"] == number


def test_without_valkey_events_still_arrive_by_asking_the_database(own_live: Callable[..., LiveProcess], acme: Firm) -> None:
    home = Path(tempfile.mkdtemp(prefix="fd-lv-"))
    server = Valkey(home / "data", home / "valkey.sock", durable=False)
    child = server.start()
    try:
        while not server.answers():
            time.sleep(0.02)
        live = own_live(VALKEY_URL=f"unix://{home}/valkey.sock")
        with open_socket(live, acme.key) as socket:
            say(socket, op="sub", ch="events", after_seq=0)
            hear(socket)
            child.kill()
            child.wait()
            write_events(acme.client_id)
            assert hear_next(socket, HEAL_S, ch="events", op=None)["seq"] == 1
            told = httpx.get(f"http://{live.host}/readyz", timeout=60)
            assert told.status_code == 200
            assert "does not answer" in told.json()["checks"]["valkey"]
            with open_socket(live, acme.key) as second:
                say(second, op="sub", ch="prices.BTC-USD")
                assert hear(second)["op"] == "subscribed"
    finally:
        child.kill()
        child.wait()
        shutil.rmtree(home)


@pytest.mark.drill
def test_valkey_emptied_and_killed_under_traffic_loses_nothing(own_live: Callable[..., LiveProcess], acme: Firm) -> None:
    home, total = Path(tempfile.mkdtemp(prefix="fd-lv-")), 300
    url = f"unix://{home}/valkey.sock"

    def start() -> subprocess.Popen[bytes]:
        child = Valkey(home / "data", home / "valkey.sock", durable=False)
        process = child.start()
        while not child.answers():
            time.sleep(0.02)
        return process

    def nudge(*command: str) -> None:
        with suppress(redis.RedisError, OSError), redis.Redis.from_url(url, socket_timeout=1) as line:
            line.execute_command(*command)

    def write() -> None:
        try:
            for _ in range(total):
                write_events(acme.client_id, nudge=False)
                nudge("PUBLISH", "events", str(acme.client_id))
                time.sleep(0.02)
        finally:
            connection.close()

    child = start()
    try:
        live = own_live(VALKEY_URL=url)
        streams = [EventStream(live.url, acme.key, after_seq=0) for _ in range(2)]
        seen: list[list[Frame]] = [[], []]
        threads = [threading.Thread(target=lambda i=i: seen[i].extend(take(streams[i], total))) for i in range(2)]  # type: ignore[misc]
        threads.append(threading.Thread(target=write))
        for thread in threads:
            thread.start()
        for _ in range(5):
            time.sleep(0.3)
            nudge("FLUSHALL")
        child.kill()
        child.wait()
        time.sleep(1)
        child = start()
        nudge("FLUSHALL")
        for thread in threads:
            thread.join(60)
        for one in seen:
            assert [frame.seq for frame in one] == list(range(1, total + 1))
        assert [stream.reconnects for stream in streams] == [0, 0]
    finally:
        child.kill()
        child.wait()
        shutil.rmtree(home)


# --- who may come in --------------------------------------------------------------------------------------------------
def refused(live: LiveProcess, firm: Firm, **options: Any) -> tuple[int, dict[str, Any]]:
    with pytest.raises(InvalidStatus) as no:
        open_socket(live, firm.key, **options)
    answer = no.value.response
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, json.loads(answer.body or b"")


def test_a_tampered_signature_is_refused_before_the_handshake(live: LiveProcess, acme: Firm) -> None:
    good = sign(acme.key, method="GET", host=live.host, path="/ws/v1/")
    bad = good["Signature"][:10] + ("A" if good["Signature"][10] != "A" else "B") + good["Signature"][11:]
    status, problem = refused(live, acme, headers={**good, "Signature": bad})
    assert (status, problem["code"], problem["status"]) == (401, "invalid_signature", 401)
    assert "verify" not in json.dumps(problem)


def test_a_signature_for_another_host_path_or_method_is_refused(live: LiveProcess, acme: Firm) -> None:
    for wrong in ({"host": "elsewhere:1"}, {"path": "/ws/v2/"}, {"method": "HEAD"}, {"created": int(time.time()) - 40}):
        signed = sign(acme.key, **{"method": "GET", "host": live.host, "path": "/ws/v1/", **wrong})  # type: ignore[arg-type]
        assert refused(live, acme, headers=signed)[0] == 401


def test_a_replayed_nonce_is_refused(live: LiveProcess, acme: Firm) -> None:
    signed = sign(acme.key, method="GET", host=live.host, path="/ws/v1/")
    with open_socket(live, acme.key, headers=signed):
        assert refused(live, acme, headers=signed)[1]["code"] == "invalid_signature"


def test_unsigned_peers_and_unknown_paths_get_no_socket(live: LiveProcess, acme: Firm) -> None:
    with pytest.raises(InvalidStatus) as no:
        connect(f"{live.url}/ws/v1/", subprotocols=[Subprotocol("otc.v1.json")], proxy=None)
    assert no.value.response.status_code == 401
    with pytest.raises(InvalidStatus) as no:
        connect(f"{live.url}/elsewhere", proxy=None)
    assert no.value.response.status_code == 404
    status, problem = refused(live, acme, subprotocols=[Subprotocol("other")])
    assert (status, problem["code"]) == (400, "unknown_subprotocol")


def test_a_key_without_the_scope_read_or_from_another_address_is_forbidden(live: LiveProcess, transactional_db: None) -> None:
    assert refused(live, found_firm("quoter", scopes=("quote",)))[1]["code"] == "scope_missing"
    status, problem = refused(live, found_firm("distant", cidrs=("10.1.0.0/16",)))
    assert (status, problem["code"]) == (403, "ip_not_allowed")
    with open_socket(live, found_firm("near", cidrs=("127.0.0.0/8",)).key):
        pass


def test_the_eleventh_socket_of_a_key_is_refused_until_one_goes(live: LiveProcess, acme: Firm) -> None:
    with ExitStack() as nine, ExitStack() as one:
        for _ in range(9):
            nine.enter_context(open_socket(live, acme.key))
        one.enter_context(open_socket(live, acme.key))
        assert refused(live, acme)[0] == 429
        one.close()
        end = time.monotonic() + 60
        while True:
            try:
                nine.enter_context(open_socket(live, acme.key))
                break
            except InvalidStatus:
                assert time.monotonic() < end
                time.sleep(0.05)


def test_guessing_signatures_is_slowed_by_address(own_live: Callable[..., LiveProcess], acme: Firm) -> None:
    live = own_live()
    bad = {"Signature": f"sig1=:{'A' * 86}==:"}
    told = [refused(live, acme, headers=bad)[0] for _ in range(20)]  # one a second is forgiven meanwhile, and asked again
    while told[-1] == 401 and len(told) < 200:
        told.append(refused(live, acme, headers=bad)[0])
    assert (set(told[:20]), told[-1]) == ({401}, 429)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE clients_apikey SET revoked_at = now() WHERE key_id = %(key)s",
        "UPDATE clients_apikey SET expires_at = now() WHERE key_id = %(key)s",
        "UPDATE clients_member SET closed_at = now() WHERE id = %(member)s",
    ],
)
def test_a_key_revoked_or_expired_or_of_a_closed_member_loses_its_sockets(
    live: LiveProcess, acme: Firm, mallory: Firm, damage: psycopg.Connection[Any], statement: str
) -> None:
    with open_socket(live, acme.key) as socket, open_socket(live, mallory.key) as other:
        damage.execute(statement.encode(), {"key": acme.key.key_id, "member": acme.member_id})
        assert closed_with(socket, REVOKE_S) == 4401
        assert refused(live, acme)[0] == 401
        say(other, op="ping")
        assert hear(other)["op"] == "pong"


# --- how one speaks ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("no json", 4400),
        ("[]", 4400),
        ('{"op":"dance"}', 4400),
        ('{"op":"ping","x":1}', 4400),
        ('{"op":"ack","ch":"events","seq":"1"}', 4400),
        ('{"op":"sub","ch":"events","after":1}', 4400),
        ("[" * 30_000, 4400),
        (b"\x00\x01", 4400),
        ('{"op":"ack","ch":"events","seq":5}', 4409),
        ('{"op":"ping","pad":"' + "x" * 65_536 + '"}', 4413),
    ],
)
def test_what_is_not_of_the_protocol_ends_the_session_with_its_code(live: LiveProcess, acme: Firm, message: str | bytes, code: int) -> None:
    with open_socket(live, acme.key) as socket:
        socket.send(message)
        assert closed_with(socket) == code


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"ch": "nonsense"}, "unknown_channel"),
        ({"ch": "prices.btc"}, "unknown_channel"),
        ({"ch": "prices.DOGE-GBP"}, "unknown_channel"),
        ({"ch": 5}, "unknown_channel"),
        ({"ch": "desk"}, "forbidden"),
        ({"ch": "events", "after_seq": -1}, "invalid_after_seq"),
        ({"ch": "events", "after_seq": True}, "invalid_after_seq"),
        ({"ch": "status", "after_seq": 1}, "invalid_after_seq"),
    ],
)
def test_a_refused_subscription_is_named_and_the_socket_stays(live: LiveProcess, acme: Firm, wanted: dict[str, Any], code: str) -> None:
    with open_socket(live, acme.key) as socket:
        say(socket, op="sub", **wanted)
        assert hear(socket)["code"] == code
        say(socket, op="ping")
        assert hear(socket)["op"] == "pong"


def test_talking_too_fast_ends_the_session(live: LiveProcess, acme: Firm) -> None:
    with open_socket(live, acme.key) as socket:
        with suppress(ConnectionClosed):
            for _ in range(200):  # more than it may in the time that a slow machine takes to say them
                say(socket, op="ping")
        assert closed_with(socket) == 4429


def test_acknowledging_what_one_has_read_is_never_too_much_and_acknowledging_nothing_is(live: LiveProcess, acme: Firm) -> None:
    write_events(acme.client_id, 4_000)
    with open_socket(live, acme.key) as socket:
        say(socket, op="sub", ch="events", after_seq=0)
        hear(socket)
        for number in range(1, 4_001):
            assert hear_next(socket, ch="events", op=None)["seq"] == number
            if number % 64 == 0:
                say(socket, op="ack", ch="events", seq=number)
        with suppress(ConnectionClosed):
            for _ in range(200):
                say(socket, op="ack", ch="events", seq=4_000)
        assert closed_with(socket) == 4429


def test_one_may_unsubscribe_and_subscribe_again(live: LiveProcess, acme: Firm) -> None:
    write_events(acme.client_id, 3)
    with open_socket(live, acme.key) as socket:
        for start in (0, 1):
            say(socket, op="sub", ch="events", after_seq=start)
            assert hear(socket)["op"] == "subscribed"
            assert hear_events(socket, 3 - start) == list(range(start + 1, 4))
            say(socket, op="unsub", ch="events")
            assert hear(socket)["op"] == "unsubscribed"


# --- who does not read ------------------------------------------------------------------------------------------------
def test_a_reader_that_never_acknowledges_gets_one_window_and_then_4508_and_resumes(live: LiveProcess, acme: Firm) -> None:
    write_events(acme.client_id, 1500)
    last = 0
    with open_socket(live, acme.key) as socket:
        say(socket, op="sub", ch="events", after_seq=0)
        try:
            while True:
                message = hear(socket, 25)
                if message.get("ch") == "events" and "seq" in message:
                    assert message["seq"] == last + 1
                    last = message["seq"]
        except ConnectionClosed as closed:
            assert closed.rcvd is not None
            assert closed.rcvd.code == 4508
    assert last == 1024
    stream = EventStream(live.url, acme.key, after_seq=last)
    assert [frame.seq for frame in take(stream, 476)] == list(range(1025, 1501))


def test_the_window_is_bounded_in_bytes_too_and_an_acknowledgement_opens_it(live: LiveProcess, acme: Firm) -> None:
    write_events(acme.client_id, 40, size=60_000)
    with open_socket(live, acme.key) as socket:
        say(socket, op="sub", ch="events", after_seq=0)
        hear(socket)
        first = hear_events(socket, 18)
        with pytest.raises(TimeoutError):
            hear_next(socket, 1, ch="events", op=None)
        say(socket, op="ack", ch="events", seq=first[-1])
        assert hear_events(socket, 18) == list(range(19, 37))


def test_a_stalled_reader_is_braked_costs_no_memory_and_is_cut(live: LiveProcess, acme: Firm, mallory: Firm) -> None:
    ladder = json.dumps(
        {"pair": "ETH-USD", "as_of": "2026-11-22T12:00:00+00:00", "mid": "3000.5", "bids": [["3000.1", "1"]] * 400, "asks": []}
    )
    with open_socket(live, mallory.key) as good, open_socket(live, acme.key, max_queue=1) as stalled:
        say(good, op="sub", ch="prices.ETH-USD")
        say(stalled, op="sub", ch="prices.ETH-USD")
        assert hear_next(good, op="subscribed")
        before = live.rss_kb()
        done = threading.Event()
        heard: list[int] = []

        def listen() -> None:  # and look at little of it: who holds each of these to the document reads too slowly
            while not done.is_set():
                with suppress(TimeoutError):
                    message = json.loads(good.recv(timeout=1))
                    if message.get("ch") == "prices.ETH-USD" and "op" not in message:
                        heard.append(message["seq"])

        reader = threading.Thread(target=listen)
        reader.start()
        end = time.monotonic() + 14
        publish("prices:ETH-USD", ladder, times=1000)
        while time.monotonic() < end:
            publish("prices:ETH-USD", ladder, times=20)
            time.sleep(0.1)
        grown = live.rss_kb() - before
        done.set()
        reader.join()
        assert grown < 30_000
        assert heard == sorted(set(heard))
        assert closed_with(stalled) in {4508, 1006}
        say(good, op="ping")
        assert hear_next(good, 30, op="pong")


def test_a_silent_peer_is_dropped(live: LiveProcess, acme: Firm) -> None:
    with open_socket(live, acme.key, max_queue=1) as socket:
        say(socket, op="sub", ch="status")
        socket.protocol.receive_data = lambda _data: None  # type: ignore[method-assign]
        wait_until(lambda: not socket.recv_events_thread.is_alive(), within_s=90)


# --- prices and status ------------------------------------------------------------------------------------------------
def composite(pair: str, mid: Decimal) -> Composite:
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    sources = (Source("secret-venue", pair, at, 12, mid, ("SLOW",)),)
    half = Decimal("0.05")
    return Composite(pair, (Level(mid - half, Decimal(2)),), (Level(mid + half, Decimal(3)),), at, sources, Decimal("0.61"))


def test_a_published_price_arrives_as_a_ladder_without_what_stays_in_the_house(live: LiveProcess, acme: Firm) -> None:
    with open_socket(live, acme.key) as socket:
        price_bus.publish([composite("SOL-USD", Decimal(150))])
        say(socket, op="sub", ch="prices.SOL-USD")
        assert hear_next(socket, ch="prices.SOL-USD", op=None)["data"]["mid"] == "150"
        publish("prices:SOL-USD", "broken")
        price_bus.publish([composite("XRP-USD", Decimal(1)), composite("SOL-USD", Decimal("150.25"))])
        frame = hear_next(socket, ch="prices.SOL-USD", op=None)
    assert frame["type"] == "price"
    assert frame["data"] == {
        "pair": "SOL-USD",
        "as_of": "2026-11-22T12:00:00.000000Z",
        "mid": "150.25",
        "bid": "150.2",
        "ask": "150.3",
        "bids": [["150.2", "2"]],
        "asks": [["150.3", "3"]],
    }
    with open_socket(live, acme.key) as late:
        say(late, op="sub", ch="prices.SOL-USD")
        assert hear_next(late, ch="prices.SOL-USD", op=None)["data"]["mid"] == "150.25"


def test_the_last_price_of_before_this_process_comes_from_valkey(own_live: Callable[..., LiveProcess], acme: Firm) -> None:
    price_bus.publish([composite("ADA-USD", Decimal("1.5"))])
    with open_socket(own_live(), acme.key) as socket:
        say(socket, op="sub", ch="prices.ADA-USD")
        assert hear_next(socket, ch="prices.ADA-USD", op=None)["data"]["mid"] == "1.5"


def test_a_ladder_is_worked_out_for_the_sizes_asked(live: LiveProcess, acme: Firm) -> None:
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    bids, asks = (Level(D(100), D(2)), Level(D(99), D(2))), (Level(D(101), D(1)), Level(D(103), D(3)))
    book = Composite("LTC-USD", bids, asks, at, (Source("alpha", "LTC-USD", at, 0, D("100.5")),), D("0.5"))
    with open_socket(live, acme.key) as socket:
        price_bus.publish([book])
        say(socket, op="sub", ch="prices.LTC-USD", sizes=["4", "2", "9"])
        frame = hear_next(socket, ch="prices.LTC-USD", op=None)
    assert frame["type"] == "ladder"
    assert frame["data"]["ladder"] == [
        {"quantity": "2", "bid": "100", "ask": "102"},
        {"quantity": "4", "bid": "99.5", "ask": "102.5"},
        {"quantity": "9", "bid": None, "ask": None},
    ]
    for sizes, code in ((["0"], "not_positive"), (["1", "1"], "invalid"), ([], "invalid"), (["x"], "invalid_amount"), ("1", "invalid")):
        with open_socket(live, acme.key) as socket:
            say(socket, op="sub", ch="prices.LTC-USD", sizes=sizes)
            assert hear(socket)["errors"][0]["code"] == code
            say(socket, op="ping")
            assert hear(socket)["op"] == "pong"


def hear_status(socket: ClientConnection, like: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The first status of which this is true: one comes too when the prices of another test before this one have grown stale."""
    while not like((frame := hear_next(socket, ch="status", op=None))["data"]):
        pass
    return frame


def test_status_tells_what_is_stopped_and_a_stopped_client_alone(live: LiveProcess, acme: Firm, mallory: Firm) -> None:
    trader = Actor(
        kind="STAFF", id=create_staff(username="t", name="T", roles=("trader",), password="a long password").pk, roles=frozenset({"trader"})
    )
    with open_socket(live, acme.key) as socket, open_socket(live, mallory.key) as other:
        for one in (socket, other):
            say(one, op="sub", ch="status")
            stands = hear_next(one, ch="status", op=None)["data"]
            assert (stands["dealing"], stands["shutdown"]) == (True, False)
        throw_halt(actor=trader, reason="a secret of the house", pair_code="BTC-USD")
        for one in (socket, other):
            frame = hear_status(one, lambda data: [i["instrument"] for i in data["instruments"] if not i["dealing"]] == ["BTC-USD"])
            assert frame["data"]["dealing"] is True
            assert "secret" not in json.dumps(frame)
        throw_halt(actor=trader, reason="this client", client_id=mallory.client_id)
        hear_status(other, lambda data: not data["dealing"])
        throw_halt(actor=trader, reason="all")
        hear_status(socket, lambda data: not data["dealing"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE clients_apikey SET scopes = '{quote}' WHERE key_id = %s", 4403),
        ("UPDATE clients_apikey SET allowed_cidrs = '{10.0.0.0/8}' WHERE key_id = %s", 4403),
        ("UPDATE clients_apikey SET scopes = '{read}' WHERE key_id = %s", 4512),
        ("DELETE FROM clients_authority a USING clients_apikey k WHERE a.member_id = k.member_id AND k.key_id = %s", 4512),
    ],
)
def test_a_key_that_is_narrowed_loses_its_sockets(
    live: LiveProcess, transactional_db: None, damage: psycopg.Connection[Any], change: str, code: int
) -> None:
    firm = found_firm("narrowed", scopes=("read", "quote"), cidrs=("127.0.0.0/8",))
    with open_socket(live, firm.key) as socket:
        say(socket, op="sub", ch="status")
        damage.execute(change.encode(), [firm.key.key_id])
        assert closed_with(socket, REVOKE_S) == code


# --- the end ----------------------------------------------------------------------------------------------------------
def test_sigterm_says_shutdown_closes_with_1012_and_exits_0(own_live: Callable[..., LiveProcess], acme: Firm) -> None:
    live = own_live()
    with ExitStack() as open_ones:
        sockets = [open_ones.enter_context(open_socket(live, acme.key)) for _ in range(3)]
        for socket in sockets:
            say(socket, op="sub", ch="events")
            hear(socket)
        live.process.send_signal(signal.SIGTERM)
        for socket in sockets:
            assert hear(socket)["op"] == "shutdown"
            assert closed_with(socket) == 1012
    assert live.process.wait(60) == 0


def test_the_end_waits_for_no_peer_that_has_stopped_reading(own_live: Callable[..., LiveProcess], acme: Firm) -> None:
    live = own_live()
    with open_socket(live, acme.key, max_queue=1) as stalled:
        say(stalled, op="sub", ch="prices.ETH-USD")
        hear(stalled)
        big = json.dumps(
            {"pair": "ETH-USD", "as_of": "2026-11-22T12:00:00+00:00", "mid": "1", "bids": [], "asks": [["3000.1", "1" * 60_000]]}
        )
        for _ in range(300):
            publish("prices:ETH-USD", big)
        assert live.stop() == 0


def test_a_port_in_use_is_named_with_exit_code_1(live: LiveProcess) -> None:
    second = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "run_live", "--port", str(live.port)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert str(live.port) in second.stderr
    assert "Traceback" not in second.stderr


def test_only_the_health_answers_are_served_over_http(live: LiveProcess) -> None:
    for path, status in (("/livez", 200), ("/readyz", 200), ("/", 404), ("/ws/", 404), ("/ws/v1/", 404), ("/admin/", 404)):
        assert httpx.get(f"http://{live.host}{path}", timeout=60).status_code == status
    assert httpx.get(f"http://{live.host}/readyz", timeout=60).json()["ready"] is True
    assert httpx.post(f"http://{live.host}/livez", timeout=60).status_code == 405


# --- the client library against the real thing ------------------------------------------------------------------------
def test_the_client_library_gives_up_when_its_key_is_no_longer_good(live: LiveProcess, acme: Firm, damage: psycopg.Connection[Any]) -> None:
    stream = iter(EventStream(live.url, acme.key, after_seq=0))
    write_events(acme.client_id)
    next(stream)
    damage.execute("UPDATE clients_apikey SET revoked_at = now()")
    with pytest.raises(LiveClosed) as closed:
        next(stream)
    assert closed.value.code == 4401
    with pytest.raises(Refused) as no:
        next(iter(EventStream(live.url, acme.key)))
    assert no.value.code == "invalid_signature"


# --- the desk's socket ------------------------------------------------------------------------------------------------
def desk_cookie(roles: tuple[str, ...] = ("trader",)) -> tuple[str, SessionStore]:
    user = create_staff(username="tina", name="Tina Trader", roles=roles, password="a long password of hers")
    session = SessionStore()
    session[SESSION_KEY], session[BACKEND_SESSION_KEY] = str(user.pk), "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return f"{settings.SESSION_COOKIE_NAME}={session.session_key}", session


def open_desk(live: LiveProcess, cookie: str, origin: str = "") -> ClientConnection:
    return connect(
        f"{live.url}/ws/desk/",
        origin=origin or settings.DESK_ORIGINS[0],  # type: ignore[arg-type]
        additional_headers={"Cookie": cookie} if cookie else {},
        subprotocols=[Subprotocol("otc.v1.json")],
        proxy=None,
    )


@pytest.fixture
def desk(live: LiveProcess) -> Iterator[ClientConnection]:
    with open_desk(live, desk_cookie()[0]) as socket:
        yield socket


def test_the_desk_hears_of_every_fact_and_never_its_content(desk: ClientConnection, acme: Firm) -> None:
    say(desk, op="sub", ch="desk")
    hear_next(desk, op="subscribed")
    write_events(acme.client_id, 3)
    told = [hear_next(desk, ch="desk", type="quote.created") for _ in range(3)]
    assert [frame["data"]["client_id"] for frame in told] == [str(acme.client_id)] * 3
    assert set(told[0]["data"]) == {"subject_type", "subject_id", "client_id", "position"}
    assert [frame["data"]["position"] for frame in told] == sorted(frame["data"]["position"] for frame in told)


def test_the_desk_may_hear_prices_and_no_clients_events(desk: ClientConnection) -> None:
    say(desk, op="sub", ch="events", after_seq=0)
    assert hear(desk)["code"] == "forbidden"
    say(desk, op="sub", ch="prices.BTC-EUR")
    assert hear(desk)["op"] == "subscribed"


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://evil.example", 403),
        ("http://localhost.evil.example:8000", 403),
        ("https://localhost:8000", 403),
        ("null", 400),
        ("http://localhost:8000.evil.example", 400),
    ],
)
def test_a_page_from_elsewhere_may_not_open_the_desks_socket(live: LiveProcess, origin: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as no:
        open_desk(live, desk_cookie()[0], origin)
    assert no.value.response.status_code == status
    assert origin not in (no.value.response.body or b"").decode()


def test_no_cookie_a_false_cookie_or_no_role_open_no_desk_socket(live: LiveProcess) -> None:
    for cookie, status in (("", 401), (f"{settings.SESSION_COOKIE_NAME}=invented", 401), (desk_cookie(roles=())[0], 403)):
        with pytest.raises(InvalidStatus) as no:
            open_desk(live, cookie)
        assert no.value.response.status_code == status


def test_signing_out_ends_the_desks_socket(live: LiveProcess) -> None:
    cookie, session = desk_cookie()
    with open_desk(live, cookie) as socket:
        session.delete()
        assert closed_with(socket, REVOKE_S) == 4401
