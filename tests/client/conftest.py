"""One web process for all tests of this folder, and a bad line to it."""

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from flowdesk_client import Client

from apps.core import clock
from apps.pricing.feeds import bus
from tests import web as webs
from tests import world
from tests.live.conftest import LiveProcess, start_live
from tests.ports import free_port

from .sandbox import Sandbox


class BadLine:
    """A port in front of a server that does to each request, in turn, what it is told; then it only passes on.

    pass | lose_request (never delivered) | lose_answer (done, and the answer is cut) | twice (delivered twice, the first answer counts)
    | an HTTP answer as bytes, given instead | a function of the request that gives one of these
    """

    def __init__(self) -> None:
        self.upstream = 0
        self._door = socket.create_server(("127.0.0.1", 0))
        self.authority = f"localhost:{self._door.getsockname()[1]}"
        self.url = f"http://{self.authority}"
        self.forget()
        threading.Thread(target=self._serve, daemon=True).start()

    def forget(self) -> None:
        self.todo, self.seen, self.answers = queue.SimpleQueue[Any](), list[bytes](), list[bytes]()

    def will(self, *what: Any) -> None:
        for one in what:
            self.todo.put(one)

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._door.accept()
            except OSError:
                return
            with caller:
                self._one(caller)

    def _one(self, caller: socket.socket) -> None:
        request = _message(caller)
        if not request:
            return
        self.seen.append(request)
        what = self.todo.get_nowait() if not self.todo.empty() else "pass"
        if callable(what):
            what = what(request)
        if isinstance(what, bytes):
            caller.sendall(what)
        elif what == "lose_request":
            return
        else:
            try:
                answers = [self._deliver(request) for _ in range(2 if what == "twice" else 1)]
            except OSError:
                return
            self.answers += answers
            caller.sendall(answers[0][:40] if what == "lose_answer" else answers[0])

    def _deliver(self, request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.upstream), timeout=60) as server:
            server.sendall(request)
            answer = _message(server)
        if not answer:
            raise OSError("the server hung up")
        head, _, body = answer.partition(b"\r\n\r\n")
        return head + b"\r\nConnection: close\r\n\r\n" + body

    def start(self) -> None:
        """A web process behind the line, in place of the one before."""
        self.web = webs.start_web(API_AUTHORITIES=self.authority)
        self.upstream = self.web.port

    def close(self) -> None:
        self._door.close()
        webs.kill(self.web)


def _message(side: socket.socket) -> bytes:
    """One HTTP message with a Content-Length, or without a body."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        more = side.recv(65536)
        if not more:
            return b""
        raw += more
    head, _, body = raw.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while lengths and len(body) < lengths[0]:
        more = side.recv(65536)
        if not more:
            return b""
        body += more
    return head + b"\r\n\r\n" + body


class Relay:
    """Passes bytes both ways until it is cut."""

    def __init__(self) -> None:
        self.upstream = self.calls = 0
        self._door = socket.create_server(("127.0.0.1", 0))
        self.authority = f"127.0.0.1:{self._door.getsockname()[1]}"
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self._door.accept()
                self.calls += 1
                server = socket.create_connection(("127.0.0.1", self.upstream))
                self._open += [caller, server]
                for one, other in ((caller, server), (server, caller)):
                    threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(4096):
                other.sendall(data)
        for side in (one, other):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        cutting, self._open = self._open, []
        for side in cutting:
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._door.close()
        self.cut()


@pytest.fixture(scope="session")
def shared_line(django_db_setup: None) -> Iterator[BadLine]:
    line = BadLine()
    line.start()
    yield line
    line.close()


@pytest.fixture
def line(shared_line: BadLine, transactional_db: None) -> BadLine:
    shared_line.forget()
    return shared_line


@pytest.fixture
def acme(transactional_db: None) -> world.Firm:
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])
    return world.firm("acme")


@pytest.fixture
def client(line: BadLine, acme: world.Firm) -> Iterator[Client]:
    with Client(line.url, webs.key_for(acme.trader), sleep=lambda _: time.sleep(0.01)) as one:
        yield one


@pytest.fixture(scope="session")
def relayed(django_db_setup: None) -> Iterator[tuple[Relay, LiveProcess]]:
    relay = Relay()
    live = start_live(free_port(), API_AUTHORITIES=relay.authority)
    relay.upstream = live.port
    yield relay, live
    live.stop()
    relay.close()


@pytest.fixture
def relay(relayed: tuple[Relay, LiveProcess], transactional_db: None) -> Relay:
    return relayed[0]


@pytest.fixture(scope="session")
def sandbox_web(django_db_setup: None) -> Iterator[webs.Web]:
    web = webs.start_web(FLOWDESK_ENVIRONMENT="sandbox", RATE_REQUESTS="5000/s", RATE_BAD_SIGNATURES="1000/s")
    yield web
    webs.kill(web)


@pytest.fixture
def sandbox(sandbox_web: webs.Web, transactional_db: None, settings: Any) -> Iterator[Sandbox]:
    settings.ENVIRONMENT = "sandbox"
    clock.freeze_desk(world.NOON)
    bus.publish([world.depth()])
    call_command("seed_demo", verbosity=0)
    first = Client(sandbox_web.url, webs.key_for(world.firm("walker").trader, ("read", "quote", "trade")), attempts=1)
    yield Sandbox(sandbox_web, first)
    first.close()
