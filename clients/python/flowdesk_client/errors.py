"""What can go wrong, as the caller meets it."""

from datetime import datetime
from typing import Any


class FlowdeskError(Exception):
    """Everything this library raises on purpose, except a bad key file and a float given as an amount."""


class Refused(FlowdeskError):
    """The server said no: a problem (RFC 9457). ``code`` is stable; ``retry`` is safe, after, never or check_status.

    ``errors`` names each wrong field by its JSON pointer. ``request_id`` is what to give to the desk.
    """

    def __init__(self, status: int, problem: dict[str, Any], *, retry_after_s: int = 0, idempotency_key: str = "") -> None:
        self.status = status
        self.code = str(problem.get("code", f"http_{status}"))
        self.retry = str(problem.get("retry", "safe" if status in {502, 503, 504} else "never"))
        self.errors: list[dict[str, str]] = list(problem.get("errors") or [])
        self.request_id = str(problem.get("request_id", ""))
        self.problem = problem
        self.retry_after_s = retry_after_s
        self.idempotency_key = idempotency_key
        self.reference = ""
        self.sent_at: datetime | None = None
        named = "; ".join(f"{e.get('pointer')}: {e.get('detail')}" for e in self.errors)
        named = "" if named == problem.get("detail") else named  # it says nothing else
        super().__init__(
            f"{status} {self.code}: {problem.get('detail') or problem.get('title') or ''}{' (' + named + ')' if named else ''}"
        )


class Unreachable(FlowdeskError):
    """No answer after every attempt, so a write may or may not have been done.

    ``idempotency_key`` sends the same request again without doing it twice; ``reference`` (your client id, where the request had one)
    and ``sent_at`` ask what became of it: ``Client.outcome_of`` does.
    """

    def __init__(self, what: str, idempotency_key: str = "", reference: str = "", sent_at: datetime | None = None) -> None:
        super().__init__(what)
        self.idempotency_key, self.reference, self.sent_at = idempotency_key, reference, sent_at


class NotUnderstood(FlowdeskError):
    """An answer that is not what the API says: a proxy's page, or a server that this library is too old for."""


class LiveClosed(FlowdeskError):
    """The stream was closed for a reason that a new connection would not cure."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"closed with {code}{': ' + reason if reason else ''}")
        self.code = code
