"""Filters of a screen as SQL: fixed fragments, values only as parameters. And rows with JSON in them."""

from collections.abc import Sequence
from typing import Any

from apps.core import db


def parsed(row: Sequence[Any], *columns: int) -> list[Any]:
    """A row with its jsonb columns, which come as text, read."""
    return [db.loads(value) if at in columns else value for at, value in enumerate(row)]


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
