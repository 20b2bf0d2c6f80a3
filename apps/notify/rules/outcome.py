"""What became of one try. No Django."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outcome:
    """`error` is a code, empty when the status is 2xx; `answer` the first bytes of what was said."""

    took_ms: int
    status: int | None = None
    error: str = ""
    answer: bytes = b""
    retry_after_s: int = 0

    @property
    def is_sent(self) -> bool:
        return not self.error

    def readable(self) -> str:
        """The answer as it can stand in a log and on a page."""
        return "".join(c if c.isprintable() or c in "\n\t" else "·" for c in self.answer.decode(errors="replace"))
