"""A rail that hangs holds up itself alone; a peer that drips its answer is left at the deadline of the whole call."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from apps.core.actor import SYSTEM
from apps.jobs import lines
from apps.jobs import settlement as jobs
from apps.rfqs.states import Side
from apps.settlement import queries as settlement
from apps.settlement.rails import custody, deadline
from apps.settlement.rails.bank import BankSimulator
from apps.settlement.rails.base import Outcome, Payment, Silence
from apps.settlement.rails.chain import ChainSimulator
from tests import deals, world
from tests.settlement import custodian as theirs
from tests.settlement import world as here

MANY = 3000  # bytes, one every 20 ms: nobody waits for all of them


@dataclass
class Dripper:
    """Sends `said`, a byte at a time: each of them comes soon, the whole never."""

    port: int
    said: bytes
    sent: int = 0
    left: threading.Event = None  # type: ignore[assignment]


@contextmanager
def dripper(said: bytes) -> Iterator[Dripper]:
    server = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()
    drip = Dripper(server.getsockname()[1], said, left=threading.Event())

    def serve() -> None:
        line, _ = server.accept()
        with line:
            line.recv(65536)
            try:
                for byte in said:
                    line.sendall(bytes([byte]))
                    drip.sent += 1
                    if over.wait(0.02):
                        return
            except OSError:
                drip.left.set()  # the caller has gone

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield drip
    finally:
        drip.left.wait(60)
        over.set()
        thread.join()
        server.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
DRIPS = {
    "the status line": b"HTTP/1.1 200 " + b"O" * MANY,
    "headers": HEAD + b"".join(b"X-%d: y\r\n" % n for n in range(MANY // 6)),
    "interim answers": b"HTTP/1.1 102 Processing\r\n\r\n" * (MANY // 27),
    "the body": HEAD + b"Content-Length: %d\r\n\r\n" % MANY + b" " * MANY,
}


@pytest.mark.parametrize("what", DRIPS)
def test_a_custodian_that_drips_is_left_at_the_deadline(what: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custody, "DEADLINE_S", 2)
    with dripper(DRIPS[what]) as drip:
        settings.CUSTODIANS = {theirs.RAIL: {"url": f"http://127.0.0.1:{drip.port}", "token": "a-token"}}
        answer = custody.Custodian().send(theirs.PLACE, Payment("FD1", here.D(1), "Acme Capital", "bc1qacme"), now=world.NOON)
    assert (answer.outcome, answer.silent) == (Outcome.UNKNOWN, True)
    assert drip.left.is_set() and drip.sent < len(drip.said) / 2


def test_a_statement_that_drips_is_no_answer(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custody, "DEADLINE_S", 2)
    with dripper(DRIPS["headers"]) as drip:
        settings.CUSTODIANS = {theirs.RAIL: {"url": f"http://127.0.0.1:{drip.port}", "token": "a-token"}}
        with pytest.raises(Silence):
            custody.Custodian().statement(theirs.PLACE, after=0, now=world.NOON)


def test_a_resolver_that_hangs_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_kw: over.wait(20))
    with httpx.Client(transport=deadline.transport()) as client, pytest.raises(httpx.ConnectTimeout), deadline.within(0.2):
        client.get("http://custodian.example")
    over.set()


# --- one line of work a rail -------------------------------------------------------------------------------------------------
def by_asset() -> dict[str, str]:
    return dict(settlement.list_instructions(SYSTEM).filter(direction="PAY").values_list("asset_id", "status"))


@pytest.mark.django_db(transaction=True)
def test_a_rail_that_hangs_keeps_no_other_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chain hangs while it is told of a payment and while its statement is read; the bank pays and is read meanwhile."""
    here.open_house("USD", "BTC")
    firm = world.firm("acme", netting=False)
    here.deal(firm, Side.BUY, "1")
    here.deal(firm, Side.SELL, "2")
    here.at(here.CUTOFF, seconds=10)
    jobs.freeze_due()
    here.at(here.VALUE_DAY)
    jobs.review_queue()
    both = settlement.list_instructions(SYSTEM).filter(direction="PAY", status="READY")
    assert here.release(*(one.id for one in both), maker=deals.person("otto", "operations")) == "EXECUTED"
    hangs, asked, calls = threading.Event(), [], {name: getattr(ChainSimulator, name) for name in ("send", "statement")}

    def hang(name: str) -> Any:
        def call(*a: Any, **kw: Any) -> Any:
            asked.append(name)
            hangs.wait(60)
            return calls[name](*a, **kw)

        return call

    read: list[str] = []
    real = BankSimulator.statement
    monkeypatch.setattr(BankSimulator, "statement", lambda self, place, **kw: read.append(place.rail) or real(self, place, **kw))
    for name in calls:
        monkeypatch.setattr(ChainSimulator, name, hang(name))
    monkeypatch.setattr(lines, "PATIENCE_S", 0.3)
    try:
        while by_asset()["USD"] != "SENT" or not read:
            jobs.send_payments()
            jobs.read_rails()
        assert by_asset() == {"USD": "SENT", "BTC": "SENDING"}
        for _ in range(3):
            jobs.send_payments()
            jobs.read_rails()
        assert sorted(asked) == ["send", "statement"], "it is asked once, and not again while it hangs"
        assert len(read) > 1
    finally:
        hangs.set()
        lines.wait()
    assert by_asset() == {"USD": "SENT", "BTC": "SENT"}


def test_a_line_that_breaks_is_begun_again(django_db_blocker: Any, transactional_db: None) -> None:
    ran: list[int] = []

    def breaks() -> None:
        ran.append(1)
        raise RuntimeError("the rail's adapter is broken")

    for _ in range(2):
        assert lines.run_each([("send:broken", breaks)]) == ["send:broken"]
        lines.wait()
    assert ran == [1, 1]


@pytest.mark.django_db(transaction=True)
def test_a_queue_that_takes_long_keeps_neither_releases_nor_sending_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    over, ran = threading.Event(), list[str]()
    monkeypatch.setattr(lines, "PATIENCE_S", 0.1)
    monkeypatch.setattr(settlement, "list_rails_to_call", lambda: ["fedwire-usd"])
    monkeypatch.setattr(settlement, "list_places", lambda _rail="": [])
    for name in ("review_queue", "match_receipts"):
        monkeypatch.setattr(jobs, name, lambda name=name: ran.append(name) or over.wait(60))
    for name in ("release_straight_through", "_send_on"):
        monkeypatch.setattr(jobs, name, lambda *_a, name=name: ran.append(name))
    tick = threading.Thread(target=lambda: [jobs.send_payments(), jobs.read_rails()], daemon=True)
    try:
        tick.start()
        tick.join(60)
        assert not tick.is_alive()
        while len(ran) < 4:  # each in a thread of its own, for which the tick does not wait for long
            time.sleep(0.01)
        assert sorted(ran) == ["_send_on", "match_receipts", "release_straight_through", "review_queue"]
    finally:
        over.set()
        tick.join()
        lines.wait()
