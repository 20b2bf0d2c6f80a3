"""Who takes a seat, when, and what the rest are told."""

import json
import threading
from collections.abc import Iterable
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest

from apps.core import valkey
from flowdesk import seats
from flowdesk.seats import Environ, Seats, StartResponse


class Line:
    """A body that comes in pieces, or a peer that never ends it."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces, self.asked = list(pieces), 0

    def read(self, size: int) -> bytes:
        self.asked += 1
        return self.pieces.pop(0)[:size] if self.pieces else b""


def ask(application: Any, **environ: Any) -> tuple[str, bytes, dict[str, str]]:
    said: list[Any] = []
    given: Environ = {"PATH_INFO": "/api/v1/rfqs", "wsgi.input": BytesIO(), **environ}
    body = b"".join(application(given, lambda status, headers: said.extend((status, dict(headers)))))
    return said[0], body, said[1]


def echo(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]


@pytest.mark.parametrize(
    ("path", "length", "pieces", "heard"),
    [
        ("/api/v1/rfqs", "3", (b"abcdef",), b"abc"),
        ("/api/v1/rfqs", "65537", (b"x" * 65537,), b""),
        ("/desk/file/", "65537", (b"x" * 65536, b"yz"), b"x" * 65536 + b"y"),
        ("/desk/file/", "70000", (b"x" * 100,), b"x" * 100),
        ("/desk/file/", str(8 * 1024 * 1024 + 1), (b"x",), b""),
        ("/desk/file/", "9" * 5000, (b"x",), b""),
        ("/desk/file/", "-1", (b"x",), b""),
        ("/desk/file/", "\u0663", (b"abc",), b""),
    ],
)
def test_what_is_taken_of_a_body(path: str, length: str, pieces: tuple[bytes, ...], heard: bytes) -> None:
    given = {"wsgi.input": Line(*pieces)}
    assert ask(Seats(echo, 1), PATH_INFO=path, CONTENT_LENGTH=length, **given)[:2] == ("200 OK", heard)


@pytest.mark.parametrize("length", ["", "0"])
def test_nothing_is_waited_for_where_no_length_says_that_it_comes(length: str) -> None:
    def deaf(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [])
        return []

    line = Line(b"chunked")
    ask(Seats(deaf, 1), CONTENT_LENGTH=length, **{"wsgi.input": line})
    assert line.asked == 0


class Answer(list[bytes]):
    """As Django's: it is closed once it has gone."""

    def close(self) -> None:
        self.append(b"closed")


def test_a_nudge_leaves_once_the_answer_has_gone_even_where_its_end_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(valkey, "_mouth", lambda _: SimpleNamespace(shout=told.append))

    def nudges(environ: Environ, start_response: StartResponse) -> Answer:
        valkey.shout([("PUBLISH", "news", environ["PATH_INFO"])])
        return Answer([b"done"])

    answer: Any = Seats(nudges, 1)({"PATH_INFO": "/a", "wsgi.input": BytesIO()}, lambda *_: None)
    assert (list(answer), told) == ([b"done"], [])
    answer.close()
    assert (list(answer), told) == ([b"done", b"closed"], [[("PUBLISH", "news", "/a")]])

    broken: Any = Seats(nudges, 1)({"PATH_INFO": "/b", "wsgi.input": BytesIO()}, lambda *_: None)
    monkeypatch.delattr(Answer, "close")
    with pytest.raises(AttributeError):
        broken.close()
    assert told[1:] == [[("PUBLISH", "news", "/b")]]
    valkey.shout([("PUBLISH", "news", "outside")])
    assert len(told) == 3, "of no request: at once"


def test_who_waits_too_long_for_a_seat_is_told_so_and_a_seat_comes_back_whatever_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seats, "WAIT_S", 0.05)
    sits, stands = threading.Event(), threading.Event()

    def slow(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        sits.set()
        stands.wait(60)
        raise ZeroDivisionError

    application = Seats(slow, 1)

    def breaks() -> None:
        with pytest.raises(ZeroDivisionError):
            ask(application)

    first = threading.Thread(target=breaks)
    first.start()
    assert sits.wait(60)
    status, body, headers = ask(application)
    assert (status, json.loads(body)["code"], json.loads(body)["retry"]) == ("503 Service Unavailable", "busy", "safe")
    assert (headers["Retry-After"], headers["Content-Type"]) == ("1", "application/problem+json")
    stands.set()
    first.join(60)
    breaks()


def test_a_body_is_waited_for_before_a_seat_is_taken() -> None:
    application = Seats(echo, 1)
    comes = threading.Event()

    class Slow:
        def read(self, size: int) -> bytes:
            comes.wait(60)
            return b"late"

    heard: list[bytes] = []
    slow = threading.Thread(target=lambda: heard.append(ask(application, CONTENT_LENGTH="4", **{"wsgi.input": Slow()})[1]))
    slow.start()
    assert ask(application, CONTENT_LENGTH="5", **{"wsgi.input": BytesIO(b"quick")})[1] == b"quick"
    assert not heard
    comes.set()
    slow.join(60)
    assert heard == [b"late"]
