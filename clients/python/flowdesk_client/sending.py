"""One call, whatever carries it: what is signed, what an answer means, when it is sent again. No input or output here."""

import json
import random
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from .errors import FlowdeskError, NotUnderstood, Refused, Unreachable
from .keys import Key
from .signing import sign
from .wire import body_of, encode, loads

BODY_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
AGAIN = frozenset({"safe", "after", "check_status"})
FILES = frozenset({"application/pdf", "text/csv"})  # answers that are given back as bytes
REFERENCES = ("client_order_id", "client_rfq_id", "client_reference")
SKEW_S = 3  # signatures hold from 30 s before to 5 s after the server's clock


class Clock:
    """This machine's clock, and how far it is from the server's. Signatures are made by the server's."""

    def __init__(self) -> None:
        self.skew_s = 0.0

    def now(self) -> float:
        """Unix seconds by the server's clock, as far as it is known."""
        return time.time() + self.skew_s

    def learn(self, date_header: str) -> bool:
        """Take the server's clock from an answer; True when it is so far off that signatures fail for it."""
        try:
            theirs = parsedate_to_datetime(date_header).timestamp() + 0.5  # whole seconds: on average half of one too early
        except (ValueError, TypeError):
            return False
        if abs(theirs - self.now()) < SKEW_S:
            return False
        self.skew_s = theirs - time.time()
        return True


class Call:
    """One request until it is answered for good: the same body and idempotency key each time, a new signature."""

    def __init__(
        self,
        key: Key,
        clock: Clock,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        idempotency_key: str = "",
        max_wait_s: float = 30.0,
    ) -> None:
        self.key, self.clock, self.method, self.path = key, clock, method, path
        self.params = {name: _query(encode(value, f"?{name}")) for name, value in (params or {}).items() if value is not None}
        self.content: bytes | None = None
        self.idempotency_key, self.reference = "", ""
        if method in BODY_METHODS:
            given = body_of(body or {})
            self.content = json.dumps(given, separators=(",", ":"), ensure_ascii=False).encode()
            self.idempotency_key = idempotency_key or secrets.token_urlsafe(24)
            self.reference = next((str(given[name]) for name in REFERENCES if name in given), "")
        self.result: Any = None
        self.sent_at: datetime | None = None
        self._last: Refused | httpx.TransportError | None = None
        self._max_wait_s, self._knows_the_time = max_wait_s, False

    def sign(self, request: httpx.Request) -> None:
        """Give a request the headers that make it valid once."""
        target, _, query = request.url.raw_path.decode("ascii").partition("?")
        now = self.clock.now()
        self.sent_at = datetime.fromtimestamp(now, UTC)
        request.headers.update(
            sign(
                self.key,
                method=self.method,
                host=request.headers["host"],
                path=target,
                query=query,
                body=self.content,
                idempotency_key=self.idempotency_key,
                created=int(now),
            )
        )

    def is_answered(self, answer: httpx.Response) -> bool:
        """Take an answer: True when ``result`` has what it says, False when the request is sent again.

        :raises Refused: the server's last word, or it asks to wait longer than this call may
        """
        if answer.is_success:
            if answer.headers.get("content-type", "").partition(";")[0] in FILES:
                self.result = answer.content
                return True
            try:
                self.result = loads(answer.content) if answer.content else None
            except ValueError:
                raise NotUnderstood(f"{self.method} {self.path}: an answer that is no JSON") from None
            return True
        no = _refusal(answer)
        no.idempotency_key, no.reference, no.sent_at = self.idempotency_key, self.reference, self.sent_at
        if no.status == 401 and not self._knows_the_time and self.clock.learn(answer.headers.get("date", "")):
            self._knows_the_time = True  # our clock was wrong: once more, by theirs
        elif no.retry not in AGAIN or no.retry_after_s > self._max_wait_s:
            raise no
        self._last = no
        return False

    def lost(self, error: httpx.TransportError) -> None:
        """The connection failed: whether the request arrived is not known."""
        self._last = error

    def pause_s(self, attempt: int) -> float:
        """Before attempt 1, 2, …: full jitter, doubling from 0.1 s to 5 s; never shorter than the server's Retry-After."""
        if isinstance(self._last, Refused) and self._last.status == 401:
            return 0.0
        backoff = random.uniform(0.05, min(5.0, 0.1 * 2**attempt))  # noqa: S311 (jitter, no secret)
        return max(backoff, float(self._last.retry_after_s)) if isinstance(self._last, Refused) else backoff

    def gave_up(self) -> FlowdeskError:
        """What to raise after the last attempt."""
        if isinstance(self._last, Refused):
            return self._last
        lost = Unreachable(f"{self.method} {self.path}: {self._last!r}", self.idempotency_key, self.reference, self.sent_at)
        lost.__cause__ = self._last
        return lost


def _query(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _refusal(answer: httpx.Response) -> Refused:
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    after = answer.headers.get("retry-after", "")
    seconds = int(after) if after.isascii() and after.isdigit() else 0
    return Refused(answer.status_code, problem if isinstance(problem, dict) else {}, retry_after_s=seconds)
