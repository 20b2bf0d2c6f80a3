"""What can go wrong, as the caller meets it."""

from typing import Any


class FlowdeskError(Exception):
    """Everything this library raises on purpose, except a bad key file."""


class Refused(FlowdeskError):
    """The server said no: a problem (RFC 9457). ``code`` is stable; ``retry`` is safe, after, never or check_status."""

    def __init__(self, status: int, problem: dict[str, Any], *, retry_after_s: int = 0, idempotency_key: str = "") -> None:
        self.status = status
        self.code = str(problem.get("code", f"http_{status}"))
        self.retry = str(problem.get("retry", "safe" if status in {502, 503, 504} else "never"))
        self.errors: list[dict[str, str]] = list(problem.get("errors") or [])
        self.request_id = str(problem.get("request_id", ""))
        self.problem = problem
        self.retry_after_s = retry_after_s
        self.idempotency_key = idempotency_key
        named = "; ".join(f"{e.get('pointer')}: {e.get('detail')}" for e in self.errors)
        super().__init__(
            f"{status} {self.code}: {problem.get('detail') or problem.get('title') or ''}{' (' + named + ')' if named else ''}"
        )


class Unreachable(FlowdeskError):
    """No answer after every attempt. ``idempotency_key`` lets the caller ask again later without doing it twice."""

    def __init__(self, what: str, idempotency_key: str = "") -> None:
        super().__init__(what)
        self.idempotency_key = idempotency_key


class LiveClosed(FlowdeskError):
    """The stream was closed for a reason that a new connection would not cure."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"closed with {code}{': ' + reason if reason else ''}")
        self.code = code
