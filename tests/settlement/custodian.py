"""A custodian over HTTP on loopback: the simulated one behind a real socket, with the faults of a real one; and its callbacks."""

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.test import Client
from standardwebhooks.webhooks import Webhook

from apps.core import clock, money
from apps.settlement.rails.base import Payment, Place, Statement
from apps.settlement.rails.custody_sim import CustodianSimulator, write_deposit, write_withdrawal

RAIL, ADDRESS = "bitcoin-btc", "bc1qflowdesk"
SECRET = "whsec_" + b64encode(b"a secret of thirty-two bytes....").decode()
OTHER = "whsec_" + b64encode(b"another secret, of nobody here..").decode()
PLACE = Place(RAIL, ADDRESS, "BTC", 3)


class Loopback:
    """`at` is its clock; `faults` are taken one a request: what goes wrong with it, "" for nothing."""

    def __init__(self) -> None:
        self.at: datetime | None = None
        self.faults: list[str] = []
        self.seen: list[tuple[str, str, str]] = []  # method, path, idempotency key
        self.url = ""


class Handler(BaseHTTPRequestHandler):
    bank: Loopback
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.act("GET")

    def do_POST(self) -> None:
        self.act("POST")

    def act(self, method: str) -> None:
        split = urlsplit(self.path)
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"null")
        self.bank.seen.append((method, split.path, self.headers.get("Idempotency-Key", "")))
        fault = self.bank.faults.pop(0) if self.bank.faults else ""
        if self.headers["Authorization"] != "Bearer a-token":
            return self.say(401, {"code": "unauthorised"})
        if fault == "down":
            return self.say(503, {"code": "down"})
        if fault[:3].isdigit():  # "404": with a code that is no refusal; "400 html", "422 bare": a status that is one, without the words
            code, _, how = fault.partition(" ")
            words = {"html": b"<html>", "bare": {"detail": "x"}, "code": {"code": "policy"}}
            return self.say(int(code), words.get(how, {"code": "policy"}))
        status, said = self.answer(method, split.path.split("/")[2:], parse_qs(split.query), body)
        if fault == "cut":  # it has acted, and nobody hears of it
            self.close_connection = True
            self.connection.close()
            return None
        if fault == "garbage":
            return self.say(200, b"<html>")
        if fault == "another":
            said = {**said, "key": "FDOTHER"}
        return self.say(status, said)

    def answer(self, method: str, path: list[str], query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        custodian, now = CustodianSimulator(), self.bank.at
        assert now is not None
        if path[:2] == ["accounts", ADDRESS]:
            if path[2] == "statement":
                return 200, _write_statement(custodian.statement(PLACE, after=int(query["after"][0]), now=now))
            return 200, {"deposits": [write_deposit(PLACE, one) for one in custodian.incoming(PLACE, now=now)]}
        if path == ["withdrawals"]:
            to = body["beneficiary"]
            payment = Payment(body["key"], money.parse(body["amount"]), to["name"], to["address"], body["remittance"])
            answer = custodian.send(PLACE, payment, now=now)
            if answer.outcome == "UNKNOWN":
                return (409, {"code": "conflict"}) if answer.reason.startswith("409") else (504, {"code": "timeout"})
            return (422 if answer.stage == "REJECTED" else 202), (
                {"code": "policy", "detail": answer.reason} if answer.stage == "REJECTED" else write_withdrawal(PLACE, body["key"], answer)
            )
        key = unquote(path[1])
        answer = custodian.status(PLACE, key, now=now)
        if answer.amount is None:
            never = {"key": key, "id": f"W-{key}", "state": answer.stage, "version": answer.version}
            return (200, never) if path[-1] == "cancel" else (404, {"code": "not_found"})
        return 200, write_withdrawal(PLACE, key, answer)

    def say(self, status: int, said: Any) -> None:
        content = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _write_statement(statement: Statement) -> dict[str, Any]:
    texts = ("reference", "kind", "counterparty_name", "counterparty_address", "remittance")
    return {
        "balance": money.text(statement.balance),
        "lines": [
            {
                "sequence": e.sequence,
                "amount": money.text(e.amount),
                "balance": money.text(e.balance),
                "booked_at": e.booked_at.isoformat(),
                "key": e.end_to_end_id,
                **{name: getattr(e, name) for name in texts},
            }
            for e in statement.entries
        ],
    }


@contextmanager
def loopback() -> Iterator[Loopback]:
    bank = Loopback()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), {"bank": bank}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    bank.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield bank
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def call_back(message_id: str, body: bytes, *, secret: str = SECRET, rail: str = RAIL, **headers: str) -> Any:
    """Deliver one callback as the independent library signs it; its answer."""
    now = clock.wall_now()
    signed = Webhook(secret).sign(message_id, now, body.decode())
    told = {"webhook-id": message_id, "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signed} | headers
    return Client().post(f"/rails/{rail}/callbacks", body, content_type="application/json", headers=told)


def tell_all(*, seed: int = 1) -> list[int]:
    """Every callback of the simulated custodian so far, each twice and in no order; the statuses of our answers."""
    messages = CustodianSimulator().callbacks(PLACE, now=clock.desk_now(), seed=seed)
    return [call_back(message_id, body).status_code for message_id, body in messages]
