"""What a peer may do to a line before it is a socket, and below the messages of one: each has its bound, and its answer says why."""

import base64
import json
import os
import socket
import struct
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from flowdesk_client import Key, sign
from websockets.exceptions import InvalidStatus

from apps.api.live.protocol import Socket
from tests.engines import superuser
from tests.live.conftest import Firm, LiveProcess, open_socket

HEAD = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
UPGRADE = b"GET /ws/v1/ HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


def answer(live: LiveProcess, *sent: bytes) -> tuple[int, dict[str, Any]]:
    """What these bytes get: the status and the problem; the line is closed by the server."""
    with socket.create_connection(("127.0.0.1", live.port), timeout=30) as line:
        for part in sent:
            line.sendall(part)
        got = b""
        while part := line.recv(65536):
            got += part
    head, _, body = got.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, got
    return int(head.split()[1]), json.loads(body)


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"GARBAGE\r\n\r\n", 400, "invalid_handshake"),
        (b"GET / FTP/1\r\n\r\n", 400, "invalid_handshake"),
        (HEAD + b"no colon\r\n\r\n", 400, "invalid_handshake"),
        (HEAD + b"b\xffd: x\r\n\r\n", 400, "invalid_handshake"),
        (HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400, "invalid_handshake"),
        (HEAD + b"Content-Length: -1\r\n\r\n", 400, "invalid_handshake"),
        (HEAD + b"Transfer-Encoding: xchunked\r\n\r\n", 400, "invalid_handshake"),
        (HEAD + b"X: " + b"x" * 100_000 + b"\r\n\r\n", 431, "invalid_handshake"),
        (HEAD + b"X: x\r\n" * 600 + b"\r\n", 431, "invalid_handshake"),
        (HEAD + b"X: " + b"x" * 9_000 + b"\r\nY: " + b"y" * 9_000 + b"\r\n\r\n", 431, "invalid_handshake"),
        (b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000000\r\n\r\n", 413, "body_too_large"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", 413, "body_too_large"),
        (UPGRADE + b"Content-Length: 2\r\n\r\n\x89\x00", 413, "body_too_large"),
        (UPGRADE + b"\r\n", 400, "invalid_handshake"),
        ("GET /é HTTP/1.1\r\n\r\n".encode(), 400, "invalid_handshake"),
        (b"GET /\xa0 HTTP/1.1\r\n\r\n", 400, "invalid_handshake"),
    ],
)
def test_what_is_no_request_of_ours_is_answered_with_a_problem(live: LiveProcess, sent: bytes, status: int, code: str) -> None:
    got, problem = answer(live, sent)
    assert (got, problem["status"], problem["code"]) == (status, status, code)


def test_no_body_is_taken_however_much_of_it_comes(live: LiveProcess) -> None:
    def held() -> set[str]:
        return {str(one.readlink()) for one in Path(f"/proc/{live.process.pid}/fd").iterdir() if one.is_symlink()}

    before = held()
    got, problem = answer(live, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000000\r\n\r\n", b"x" * 1_000_000)
    assert (got, problem["code"]) == (413, "body_too_large")
    assert not [one for one in held() - before if "(deleted)" in one], "nothing of it is on the disk"


def test_a_line_carries_one_request(live: LiveProcess) -> None:
    with socket.create_connection(("127.0.0.1", live.port), timeout=30) as line:
        line.sendall((HEAD + b"\r\n") * 2)
        got = b""
        while part := line.recv(65536):
            got += part
    assert got.startswith(b"HTTP/1.1 200 ")
    assert got.count(b"HTTP/1.1 ") == 1, "the second one's head would have no bound"


@pytest.mark.drill
def test_a_head_that_never_ends_is_answered_in_seconds(live: LiveProcess) -> None:
    with socket.create_connection(("127.0.0.1", live.port), timeout=30) as line:
        began = time.monotonic()
        while time.monotonic() - began < 30:
            try:
                line.sendall(b"G")  # a byte now and then: never silent
                line.settimeout(0.5)
                got = line.recv(100)
                break
            except TimeoutError:
                continue
    assert got.startswith(b"HTTP/1.1 408 ")


@pytest.mark.drill
def test_who_is_refused_and_does_not_go_is_cut(live: LiveProcess) -> None:
    with socket.create_connection(("127.0.0.1", live.port), timeout=30) as line:
        line.sendall(b"GARBAGE\r\n\r\n")
        while line.recv(65536):
            pass
        began = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - began < 30:
                line.sendall(b"x")
                time.sleep(0.1)


# --- below the messages -------------------------------------------------------------------------------------------------
def raw_socket(live: LiveProcess, key: Key) -> socket.socket:
    """An open socket whose frames we write ourselves."""
    headers = sign(key, method="GET", host=live.host, path="/ws/v1/") | {
        "Host": live.host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(), "Sec-WebSocket-Protocol": "otc.v1.json",
    }  # fmt: skip
    line = socket.create_connection(("127.0.0.1", live.port), timeout=30)
    line.sendall(b"GET /ws/v1/ HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n")
    assert line.recv(12) == b"HTTP/1.1 101"
    while b"\r\n\r\n" not in line.recv(65536):
        pass
    return line


def frame(opcode: int, payload: bytes, *, is_last: bool = True) -> bytes:
    """A client's frame, masked by zeros."""
    assert len(payload) < 126
    return bytes([is_last << 7 | opcode, 0x80 | len(payload), 0, 0, 0, 0]) + payload


def close_code(line: socket.socket) -> int:
    """The code of the close frame that comes, whatever comes before it."""
    got = b""
    while part := line.recv(65536):
        got += part
        at = 0
        while at + 2 <= len(got):
            size, body = got[at + 1], at + 2
            if size == 126:
                size, body = struct.unpack(">H", got[at + 2 : at + 4])[0], at + 4
            if got[at] == 0x88 and len(got) >= body + 2:
                return int(struct.unpack(">H", got[body : body + 2])[0])
            at = body + size
    raise AssertionError("closed without a word")


@pytest.mark.parametrize(
    ("flood", "code"),
    [
        (frame(0x9, b"x" * 125) * 30, 4429),
        (frame(0xA, b"") * 30, 4429),
        (frame(0x1, b"", is_last=False) + frame(0x0, b"", is_last=False) * 300, 4413),
    ],
    ids=["pings", "pongs", "a message of empty fragments"],
)
def test_floods_below_the_messages_end_the_session(live: LiveProcess, acme: Firm, flood: bytes, code: int) -> None:
    with raw_socket(live, acme.key) as line:
        line.sendall(flood)
        assert close_code(line) == code


def test_pings_are_answered_as_they_are_meant(live: LiveProcess, acme: Firm) -> None:
    with raw_socket(live, acme.key) as line:
        line.sendall(frame(0x9, b"are you there"))
        assert line.recv(2 + 13) == b"\x8a\x0dare you there"


@pytest.mark.drill
def test_who_pings_and_never_reads_costs_nothing(live: LiveProcess, acme: Firm) -> None:
    before = live.rss_kb()
    with raw_socket(live, acme.key) as line:
        line.settimeout(1)
        try:
            for _ in range(2_000):
                line.sendall(frame(0x9, b"x" * 125) * 500)
        except OSError:
            pass  # it was cut, or the buffers are full
        assert live.rss_kb() - before < 5_000


def test_a_handshake_whose_key_cannot_be_read_now_is_told_to_come_again(live: LiveProcess, acme: Firm) -> None:
    with psycopg.connect(superuser().info.dsn) as hand:
        hand.execute("LOCK TABLE clients_apikey")
        with pytest.raises(InvalidStatus) as no:
            open_socket(live, acme.key, open_timeout=60)
    told, problem = no.value.response, json.loads(no.value.response.body or b"")
    assert (told.status_code, told.headers["Content-Type"], told.headers["Retry-After"]) == (503, "application/problem+json", "1")
    assert (problem["code"], problem["retry"]) == ("busy", "safe")


def test_a_handshake_that_was_not_answered_in_time_is_told_to_come_again() -> None:
    sent, ended = list[bytes](), list[Any]()
    late = Socket()
    late.state, late.handshake_deferred = Socket.STATE_CONNECTING, None
    late.server = SimpleNamespace(websocket_connect_timeout=10, protocol_disconnected=ended.append)
    late.duration, late.sendData, late.dropConnection = lambda: 11, sent.append, lambda abort: None
    late.check_timeouts()
    head, _, body = b"".join(sent).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1" in head
    assert (json.loads(body)["code"], json.loads(body)["retry"], ended) == ("busy", "safe", [late])
