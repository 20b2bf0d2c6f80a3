"""A real receiver of webhooks on this machine, that answers as it is told; and a clock that the test moves."""

import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass
class Message:
    path: str
    headers: dict[str, str]
    body: bytes
    peer: str

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """`mode` is a status, or slow, drip, never, huge, garbage, redirect; or a function of the message that gives one."""

    mode: Any = 200
    got: list[Message] = field(default_factory=list)
    taken: list[Message] = field(default_factory=list)  # of those, what was answered with 2xx
    busy: int = 0
    most_busy: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    release: threading.Event = field(default_factory=threading.Event)
    server: Any = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/hook?token=in-the-path"


class _Handler(http.server.BaseHTTPRequestHandler):
    receiver: Receiver
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        me = self.receiver
        with me.lock:
            me.busy += 1
            me.most_busy = max(me.most_busy, me.busy)
        try:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            message = Message(self.path, {k.lower(): v for k, v in self.headers.items()}, body, self.client_address[0])
            mode = me.mode(message) if callable(me.mode) else me.mode
            with me.lock:
                me.got.append(message)
                if mode in {200, 204, "huge", "slow"}:
                    me.taken.append(message)
            self.answer(mode)
        except (BrokenPipeError, ConnectionResetError):
            pass
        finally:
            with me.lock:
                me.busy -= 1

    def answer(self, mode: Any) -> None:
        me = self.receiver
        if isinstance(mode, int):
            self.send_response(mode)
            said = f"said {mode}".encode() if mode != 204 else b""
            if mode == 429:
                self.send_header("Retry-After", "1800")
            if mode != 204:
                self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)
        elif mode == "redirect":
            self.send_response(302)
            self.send_header("Location", me.url + "&again")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif mode == "slow":
            time.sleep(0.3)
            self.answer(200)
        elif mode == "never":
            me.release.wait(100)
        elif mode == "drip":  # a byte at a time: each of them comes soon, the whole never
            for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + b"X: y\r\n" * 1000:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if me.release.wait(0.1):
                    return
        elif mode == "huge":
            self.send_response(200)
            self.end_headers()
            for _ in range(100_000):
                self.wfile.write(b"x" * 65536)
        else:
            self.wfile.write(b"SMTP here\r\n\r\n")
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def receiving(mode: Any = 200) -> Iterator[Receiver]:
    receiver = Receiver(mode)
    handler = type("Handler", (_Handler,), {"receiver": receiver})
    receiver.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    receiver.server.daemon_threads = True
    thread = threading.Thread(target=receiver.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.release.set()
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join(30)


class Clock:
    """Wall time as the sender is given it."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)
