"""The five ways to say no. Each refusal is a class with a stable code, born in the app whose rule it is (its errors.py)."""

from typing import Any, ClassVar


class AppError(Exception):
    """A decided "no". `code` is stable and listed in docs/errors.md; `extra` goes to the caller as further members."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Error"
    retry: ClassVar[str] = "never"  # safe | after | never | check_status
    event: ClassVar[str] = ""  # a fact of the house that stands with the stored refusal, told by `house`

    def __init__(self, detail: str = "", **extra: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.extra = extra
        self.house: dict[str, Any] = {}


class NotFound(AppError):
    """It does not exist, or is not yours: the two are never told apart."""

    code, status, title = "not_found", 404, "Not found"


class Forbidden(AppError):
    code, status, title = "forbidden", 403, "Not allowed"


class Conflict(AppError):
    """It was possible once and is no longer: somebody or something was faster."""

    code, status, title = "conflict", 409, "Conflict"


class Rejected(AppError):
    """Understood and refused by a rule."""

    code, status, title = "rejected", 422, "Refused"


class Busy(AppError):
    """Nothing was done; the same request may be sent again."""

    code, status, title, retry = "busy", 503, "Busy, try again", "safe"


class OutcomeUnknown(Busy):
    """The connection was lost while committing: ask what became of it before doing it again."""

    code, title, retry = "outcome_unknown", "The outcome is not known", "check_status"


class IllegalMove(Conflict):
    """The thing is no longer in a state from which this can be done."""

    code, title = "illegal_state", "Not possible in this state"
