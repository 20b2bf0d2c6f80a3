"""A signed request, answered in this process, and what of an answer says nothing about the thing asked for."""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson
from django.test import Client
from flowdesk_client import Key, sign

from apps.core import db

HOST = "localhost:8000"
BODY_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# Of the request, the caller's own use, or what a resource has and not what is in it.
_PER_REQUEST = {"X-Request-Id", "Content-Length", "Allow", "RateLimit", "RateLimit-Policy"}
_CHANGES = re.compile(rb"req_[0-9a-z]{26}|\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return str(orjson.loads(self.body).get("code", "")) if self.status >= 400 and self.body else ""

    def like(self, ids: Iterable[str]) -> tuple[Any, ...]:
        """All that the caller may learn, without the ids it sent itself, ids of requests, and times."""
        body = _CHANGES.sub(b"CHANGES", self.body)
        for one in ids:
            body = body.replace(one.encode(), b"ID")
        headers = {name: value for name, value in self.headers.items() if name not in _PER_REQUEST}
        return self.status, headers, body


_browser = Client(raise_request_exception=False)


def knock(method: str, path: str, key: Key | None, body: Any = None, *, query: str = "", **headers: str) -> Answer:
    """Ask as this key's holder, or as nobody."""
    raw = orjson.dumps({} if body is None else body) if method in BODY_METHODS else None
    signed: dict[str, str] = {"Content-Type": "application/json"} if raw is not None else {}
    if key is not None:
        signed = sign(key, method=method, host=HOST, path=path, query=query, body=raw, idempotency_key=secrets.token_hex(12))
    return send(method, path + (f"?{query}" if query else ""), raw, signed | headers)


def send(method: str, target: str, raw: bytes | None, headers: dict[str, str], browser: Client = _browser, **environ: str) -> Answer:
    """Exactly these bytes and headers."""
    given = {"Host": HOST, **headers}
    kind = given.pop("Content-Type", "")
    answer = browser.generic(method, target, raw or b"", content_type=kind, headers=given, **environ)
    return Answer(answer.status_code, dict(answer.headers), answer.content)


def counted() -> tuple[Any, ...]:
    """What grows with everything that is done."""
    return db.one("SELECT (SELECT count(*) FROM events_event), (SELECT count(*) FROM core_storedanswer)")


def check(wrong: list[str]) -> None:
    assert not wrong, f"{len(wrong)} cells:\n" + "\n".join(wrong[:40])
