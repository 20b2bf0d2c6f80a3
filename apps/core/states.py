"""A state machine is a table: what each state may become."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from .errors import IllegalMove

S = TypeVar("S", bound=StrEnum)


class HasStatus(Protocol):
    status: str


class Machine(Generic[S]):
    """The legal moves of one status. The trigger made from it (core.db.moves_sql) says the same to raw SQL.

    :param moves: every state with the set of its successors
    :param first: the states in which a row may be born; default the first key
    """

    def __init__(self, moves: Mapping[S, Iterable[S]], *, first: Iterable[S] | None = None) -> None:
        self.moves: dict[S, frozenset[S]] = {state: frozenset(then) for state, then in moves.items()}
        self.first: frozenset[S] = frozenset(first) if first is not None else frozenset([next(iter(self.moves))])
        unknown = {s for then in self.moves.values() for s in then} - set(self.moves)
        assert not unknown, f"states without a row: {unknown}"

    def allows(self, old: str, new: str) -> bool:
        return any(state == old and any(t == new for t in then) for state, then in self.moves.items())

    def move(self, thing: HasStatus, new: S) -> None:
        """Set `thing.status`, or raise IllegalMove. The caller holds the row lock and saves."""
        if not self.allows(thing.status, new):
            raise IllegalMove(f"{type(thing).__name__} is {thing.status}, so it cannot become {new}", state=str(thing.status))
        thing.status = new

    def final(self) -> frozenset[S]:
        return frozenset(state for state, then in self.moves.items() if not then)
