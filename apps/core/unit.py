"""One use case, one transaction: `@use_case` opens it, `@step` refuses to run outside one."""

import functools
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime
from typing import Any, ParamSpec, Protocol, TypeVar

import psycopg
from django.db import InterfaceError, OperationalError, transaction

from . import clock, flights
from .errors import Conflict, OutcomeUnknown, Rejected
from .flights import Statement

P = ParamSpec("P")
R = TypeVar("R")

EVENTS, ANSWER, BALANCES = 10, 20, 30  # what a body puts off, in the order in which it is done


class Once(Protocol):
    """Idempotency of one request; made on floor 9, where answers are rendered, and handed down.

    :ivar brought: arguments of the body that came while the first flight was under way; there after `begin`
    """

    brought: Mapping[str, Any]

    def begin(self) -> datetime:
        """First statement: claim the key; the received instant. Raises IdempotencyInProgress."""

    def stored(self) -> Any | None:
        """Second statement: the stored answer of the same request, or None. Raises IdempotencyKeyReused."""

    def store(self, result: Any) -> Any:
        """Render, keep and return the answer."""

    def refuse(self, no: Conflict | Rejected) -> None:
        """Record the `….refused` event of this request."""

    def store_refusal(self, no: Conflict | Rejected) -> Any:
        """Render, keep and return the refusal."""


class Unit:
    """What one transaction has put off until just before its commit."""

    def __init__(self) -> None:
        self.late: list[tuple[int, int, Callable[[], object]]] = []
        self.bags: dict[str, list[Any]] = {}

    def finish(self) -> None:
        while self.late:
            self.late.sort(key=lambda item: item[:2])
            _, _, run = self.late.pop(0)
            run()

    def clear(self) -> None:
        self.late.clear()
        self.bags.clear()


_unit: ContextVar[Unit | None] = ContextVar("unit", default=None)


def current() -> Unit:
    unit = _unit.get()
    assert unit is not None, "outside a use case"
    return unit


def last(rank: int, run: Callable[[], object]) -> None:
    """Put `run` off until just before the commit; the lower rank goes first."""
    unit = current()
    unit.late.append((rank, len(unit.late), run))


def bag(rank: int, name: str, item: Any, flush: Callable[[list[Any]], object]) -> None:
    """Collect `item`; all items of `name` are flushed together, once, at `rank`."""
    unit = current()
    items = unit.bags.setdefault(name, [])
    if not items:
        last(rank, lambda: flush(unit.bags.pop(name, [])))
    items.append(item)


def bagged(name: str) -> Sequence[Any]:
    """What waits under `name` in this transaction, in its order."""
    return tuple(current().bags.get(name, ()))


def use_case(body: Callable[..., R] | None = None, *, ahead: Callable[..., Sequence[Statement]] | None = None) -> Callable[..., Any]:
    """Open the one transaction, hand the received instant down as `now`, keep the answer where `once` is given.

    :param ahead: from the arguments of the body, what it will read first: it travels with the received instant, behind it

    A Conflict or Rejected undoes the effect, not the receipt: it is stored with its `….refused` event, so that a
    retry gets the same answer. All else rolls back whole and stores nothing.
    """

    if body is None:
        return functools.partial(use_case, ahead=ahead)

    @functools.wraps(body)
    def run(*, once: Once | None = None, **kw: Any) -> Any:
        if _unit.get() is not None:
            raise RuntimeError(f"{body.__name__}: a use case cannot be nested")
        unit = Unit()
        token = _unit.set(unit)
        committing = False
        try:
            with flights.gathered(ahead(**kw) if ahead is not None else ()), transaction.atomic(durable=True), flights.landed():
                if once is None:
                    out = body(now=clock.desk_now(), **kw)
                    unit.finish()
                    committing = True
                    flights.commit()
                    return out
                received = once.begin()
                if (old := once.stored()) is not None:
                    return old
                effect = flights.Effect()
                try:
                    out = body(now=received, **kw, **once.brought)
                    kept: list[Any] = []
                    unit.late.append((ANSWER, 0, lambda: kept.append(once.store(out))))
                    unit.finish()
                    committing = True
                    flights.commit()
                    return kept[0]
                except (Conflict, Rejected) as no:
                    committing = False
                    effect.undo()
                    unit.clear()
                    once.refuse(no)
                    unit.finish()
                    answer = once.store_refusal(no)
                committing = True
                flights.commit()
                return answer
        except (OperationalError, InterfaceError) as lost:
            if committing and _is_lost(lost):
                raise OutcomeUnknown("the connection was lost while committing: ask what became of it") from lost
            raise
        finally:
            _unit.reset(token)

    return run


def _is_lost(error: Exception) -> bool:
    """Whether the connection is gone, rather than the statement refused."""
    cause = error.__cause__
    state = cause.sqlstate if isinstance(cause, psycopg.Error) else None
    return state is None or state[:2] == "08" or state[:3] == "57P"


def step(operation: Callable[P, R]) -> Callable[P, R]:
    """A verb of one stage: part of a use case, never a transaction of its own."""

    @functools.wraps(operation)
    def run(*args: P.args, **kw: P.kwargs) -> R:
        if _unit.get() is None:
            raise RuntimeError(f"{operation.__name__}: a step runs inside a use case")
        return operation(*args, **kw)

    return run
