"""A line of `verify`: a name, what it claims, and a statement that finds what breaks the claim."""

from collections.abc import Callable
from dataclasses import dataclass, field

from apps.core import db

SHOWN = 10  # breaches told by name; the count is always whole


@dataclass(frozen=True, slots=True)
class Finding:
    """What one line found. `count` is the number of breaches, `details` names the first ones."""

    name: str
    title: str
    count: int
    details: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return self.count == 0


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    title: str
    find: Callable[[], tuple[int, list[str]]]

    def prove(self) -> Finding:
        count, details = self.find()
        return Finding(self.name, self.title, count, details)


def sql(name: str, title: str, *breaches: str) -> Line:
    """A line whose statements each select one text column, a row for each breach; they become one statement."""
    union = " UNION ALL ".join(f"({breach})" for breach in breaches)
    statement = f"SELECT count(*) OVER (), breach FROM ({union}) AS found(breach) LIMIT {SHOWN}"  # noqa: S608

    def find() -> tuple[int, list[str]]:
        rows = db.run(statement)
        return (int(rows[0][0]), [row[1] for row in rows]) if rows else (0, [])

    return Line(name, title, find)


def listed(breaches: list[str]) -> tuple[int, list[str]]:
    return len(breaches), breaches[:SHOWN]
