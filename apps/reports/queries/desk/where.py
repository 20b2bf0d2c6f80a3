"""Filters of a screen as SQL: fixed fragments, values only as parameters."""

from collections.abc import Sequence
from typing import Any


class Where:
    """Collects `AND`ed conditions; a condition whose value is empty is left out."""

    def __init__(self, *always: str) -> None:
        self.parts: list[str] = list(always)
        self.params: list[Any] = []

    def add(self, condition: str, value: Any) -> "Where":
        """`condition` has one %s for each time it needs `value`."""
        if value not in (None, ""):
            self.parts.append(condition)
            self.params += [value] * condition.count("%s")
        return self

    def row(self, condition: str, values: Sequence[Any] | None) -> "Where":
        """A condition over several values, such as a keyset `(a, b) < (%s, %s)`."""
        if values is not None:
            self.parts.append(condition)
            self.params += values
        return self

    @property
    def sql(self) -> str:
        return " AND ".join(self.parts) or "true"
