"""The clients of the demo as a process of their own: commands in and answers out, a JSON line each; no Django in here.

Started as `python client.py WEB_URL LIVE_URL KEY_FILE…`; it speaks to the platform over HTTP and WebSocket only, and is sent webhooks.
"""

import http.server
import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flowdesk_client import Api, EventStream, Frame, Refused, load_key
from flowdesk_client.webhooks import VerificationError, verify


class Listener(threading.Thread):
    """Follows one client's events over the socket, across reconnects, from the first to the last."""

    def __init__(self, live_url: str, key: Any) -> None:
        super().__init__(daemon=True)
        self.frames: list[tuple[int, str, str]] = []
        self.changed = threading.Condition()
        self._stream = EventStream(live_url, key, after_seq=0)

    def run(self) -> None:
        for frame in self._stream:
            if isinstance(frame, Frame) and frame.ch == "events":
                with self.changed:
                    self.frames.append((int(frame.seq or 0), frame.type, frame.id))
                    self.changed.notify_all()

    def wait_for(self, seq: int, timeout_s: int) -> list[tuple[int, str, str]]:
        with self.changed:
            self.changed.wait_for(lambda: bool(self.frames) and self.frames[-1][0] >= seq, timeout_s)
            return list(self.frames)


class Receiver:
    """One client's webhook: every message is verified and kept. The very first is refused once, as by a receiver that is just starting."""

    def __init__(self, api: Api) -> None:
        self.got: list[tuple[int, str, str]] = []
        self.forged = 0
        self.is_up = False
        self.lock = threading.Lock()
        receiver = self

        class Door(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(receiver.take(dict(self.headers), body))
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Says nothing."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Door)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        made = api.post("/api/v1/webhooks", {"url": f"http://127.0.0.1:{server.server_address[1]}/events"})
        self.key = str(made["keys"][0]["public_key"])

    def take(self, headers: dict[str, str], body: bytes) -> int:
        try:
            event = verify(headers, body, self.key)
        except VerificationError:
            self.forged += 1
            return 400
        with self.lock:
            if not self.is_up:
                self.is_up = True
                return 503
            self.got.append((event["seq"], event["type"], event["id"]))
        return 204


class Clients:
    def __init__(self, web_url: str, live_url: str, key_files: list[str]) -> None:
        keys = {Path(name).stem: load_key(name) for name in key_files}  # acme, cygnus-treasury, …
        self.apis = {name: Api(web_url, key) for name, key in keys.items()}
        self.listeners = {name: Listener(live_url, key) for name, key in keys.items() if "-" not in name}
        for listener in self.listeners.values():
            listener.start()
        self.receivers: dict[str, Receiver] = {}

    def post(self, client: str, path: str, body: dict[str, Any], key: str = "") -> dict[str, Any]:
        return _outcome(lambda: self.apis[client].post(path, body, idempotency_key=key))

    def get(self, client: str, path: str) -> dict[str, Any]:
        return _outcome(lambda: self.apis[client].get(path))

    def retry(self, client: str, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        """The same request three times, as a client does that lost the answers."""
        answers = [self.post(client, path, body, key) for _ in range(3)]
        assert answers[0] == answers[1] == answers[2], f"retries were answered differently: {answers}"
        return answers[0]

    def double(self, client: str, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        """Two accepts of one quote at the same instant, as two requests of their own: one may win."""
        gate = threading.Barrier(2)
        answers: list[dict[str, Any]] = [{}, {}]

        def accept(which: int) -> None:
            gate.wait()
            answers[which] = self.post(client, path, body, f"{key}-{which}")

        threads = [threading.Thread(target=accept, args=(which,)) for which in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        won = [a for a in answers if "answer" in a]
        assert len(won) <= 1, f"one quote was dealt twice: {answers}"
        return (won or answers)[0] | {"refused_twin": next((a["code"] for a in answers if "code" in a), "")}

    def events(self, client: str, seq: int, timeout_s: int) -> dict[str, Any]:
        return {"answer": self.listeners[client].wait_for(seq, timeout_s)}

    def hook(self, client: str) -> dict[str, Any]:
        """Ask for this client's events by webhook, from now on."""
        self.receivers[client] = Receiver(self.apis[client])
        return {"answer": {}}

    def hooked(self, client: str) -> dict[str, Any]:
        """What came by webhook, and how many messages were not the platform's."""
        receiver = self.receivers[client]
        with receiver.lock:
            return {"answer": {"got": sorted(receiver.got), "forged": receiver.forged}}


def _outcome(call: Callable[[], Any]) -> dict[str, Any]:
    try:
        return {"answer": call()}
    except Refused as no:
        return {"status": no.status, "code": no.code, "detail": str(no)}


def main() -> int:
    clients = Clients(sys.argv[1], sys.argv[2], sys.argv[3:])
    for line in sys.stdin:
        command = json.loads(line)
        verb = command.pop("verb")
        try:
            answer = getattr(clients, verb)(**command)
        except Exception as wrong:
            answer = {"failed": f"{type(wrong).__name__}: {wrong}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
