"""Statements that travel together: inside a use case those whose rows nobody needs wait, and go out with the next one that is waited for.

A flight is one round trip (apps/core/pipe.py). The server still runs one statement after the other, each with a snapshot of its own, in
the order in which they were written down; only their errors come later, with the flight. The last flight of a use case carries COMMIT, so
the locks of its last statements are held for the server's own work, never while Python waits for its turn.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import psycopg
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connection, connections, transaction

from . import pipe
from .errors import AppError

Params = pipe.Params
Rows = pipe.Rows
Refusals = Mapping[str, AppError]
T = TypeVar("T")

statements = 0  # sent by this process
flights = 0  # round trips of this process that carried statements: tests hold the hot paths to their number


@dataclass(frozen=True, slots=True)
class Statement:
    """One raw statement; `refuse` says what a breach of a constraint means, `failed` is called when its flight fails."""

    sql: str
    params: Params = ()
    refuse: Refusals | None = None
    failed: Callable[[], None] | None = None
    prepare: bool = True


_SAVEPOINT = Statement("SAVEPOINT effect")
_UNDO = Statement("ROLLBACK TO SAVEPOINT effect", prepare=False)
_COMMIT = Statement("COMMIT")
_Key = tuple[str, tuple[Any, ...]]


class _Flights:
    """Of one use case: what has not set off, what is in the air, and what was read ahead."""

    def __init__(self, ahead: Sequence[Statement] = ()) -> None:
        self.waiting: list[Statement] = []
        self.away: list[Statement] = []  # sent, and not answered
        self.ahead = list(ahead)  # reads to go out behind the first flight
        self.reads: list[Statement] = []  # those of them that are in the air, behind all else
        self.found: dict[_Key, Rows] = {}
        self.flight: pipe.Flight | None = None
        self._django = connections[DEFAULT_DB_ALIAS]

    def depart(self, some: Sequence[Statement], *, last: bool) -> None:
        """Send what waits and `some`, behind what is in the air already.

        :param last: nothing will follow before it is answered
        """
        global statements, flights  # noqa: PLW0603
        queue, self.waiting = [*self.waiting, *some], []
        if last:
            self.reads, self.ahead = self.ahead, []
        self.away += queue
        statements += len(queue) + len(self.reads)
        if self.flight is None:
            flights += 1
        self._tell(lambda: self._send(queue, last))

    def _send(self, queue: Sequence[Statement], last: bool) -> None:
        if self.flight is None:
            self.flight = pipe.Flight(self._line())
        self.flight.write([_order(one) for one in queue])
        for number, one in enumerate(self.reads, start=1):
            self.flight.write([_order(one)], answer=number < len(self.reads))
        if last:
            self.flight.close()
        else:
            self.flight.go()

    def _line(self) -> psycopg.Connection[Any]:
        if self._django.connection is None:
            self._django.ensure_connection()
        line: psycopg.Connection[Any] = self._django.connection
        return line

    def arrive(self) -> list[Rows]:
        """The rows of what was sent; reads behind it stay in the air."""
        flight = self.flight
        assert flight is not None
        rows = self._tell(lambda: flight.read(len(self.away)) if self.reads else flight.land())
        self.away = []
        if not self.reads:
            self.flight = None
        return rows

    def find(self, some: Sequence[Statement]) -> list[Rows] | None:
        """The rows of reads that went ahead."""
        if not (self.reads or self.found) or not some or any(one is not _SAVEPOINT for one in self.waiting):
            return None
        keys = [_key(one) for one in some]
        behind = [_key(one) for one in self.reads]
        if not all(key in self.found or key in behind for key in keys):
            return None
        self._read(max((behind.index(key) + 1 for key in keys if key in behind), default=0), behind)
        return [self.found.pop(key) for key in keys]

    def _read(self, count: int, behind: Sequence[_Key]) -> None:
        if not count:
            return
        flight = self.flight
        assert flight is not None
        rows = self._tell(lambda: flight.read(count) if count < len(behind) else flight.land())
        self.found |= zip(behind, rows, strict=False)
        self.reads = self.reads[count:]
        if not self.reads:
            self.flight = None

    def forget(self) -> None:
        """Whatever else is sent makes old what was read ahead."""
        self._read(len(self.reads), [_key(one) for one in self.reads])
        self.found = {}

    def bring_down(self) -> None:
        """Let go of all that is in the air or waits: nobody needs it any more."""
        away, flight = [*self.away, *self.reads], self.flight
        self.waiting, self.away, self.reads, self.found, self.flight = [], [], [], {}, None
        if flight is not None and flight.is_open:
            try:
                flight.land()
            except psycopg.Error:
                _fail(away)

    def _tell(self, act: Callable[[], T]) -> T:
        """What goes wrong in the air is told to all that is in it, and the air is empty."""
        try:
            with self._django.wrap_database_errors:
                return act()
        except Exception as no:
            sent = [*self.away, *self.reads]
            _fail(sent)
            self.bring_down()
            if isinstance(no, IntegrityError):
                _refuse(sent, no)
            raise


_here: ContextVar[_Flights | None] = ContextVar("here", default=None)


@contextmanager
def gathered(ahead: Sequence[Statement] = ()) -> Iterator[None]:
    """Let statements wait for each other, in this thread, until the context ends.

    :param ahead: reads that are known before the first flight and go with it, behind what it carries: the same statement finds its rows
        here, once, as long as nothing else was sent
    """
    token = _here.set(_Flights(ahead))
    try:
        with connection.execute_wrapper(_after_waiting):
            yield
    finally:
        _here.reset(token)


@contextmanager
def landed() -> Iterator[None]:
    """Around the body of a transaction: when its end comes, however it comes, nothing is in the air."""
    try:
        yield
    finally:
        if (here := _here.get()) is not None:
            here.bring_down()


def _after_waiting(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    """What the ORM sends keeps its place behind what waits."""
    flush()
    return execute(sql, params, many, context)


def send(statement: Statement) -> None:
    """Let it wait for the next flight; outside a use case it is run at once."""
    here = _here.get()
    if here is None:
        fly([statement])
    else:
        here.waiting.append(statement)


def set_off() -> None:
    """Send what waits and go on: the server works on it meanwhile. What fails is told by the next flight, which it has become a part of.

    Not for statements whose locks others wait for (a client's event number, the house's balances): they go with COMMIT.
    """
    here = _here.get()
    if here is not None and here.waiting:
        here.forget()
        here.depart([], last=False)


def fly(some: Sequence[Statement], *, meanwhile: Callable[[], None] | None = None) -> list[Rows]:
    """Send what waits, then `some`, in one flight; the rows of each of `some`.

    :param meanwhile: what needs none of them, done while the server works; if it raises, nobody hears what became of the flight
    :raises AppError: a constraint of `refuse` was breached; what `meanwhile` raises
    """
    here = _here.get() or _Flights()
    if meanwhile is None and (found := here.find(some)) is not None:
        return found
    here.forget()
    if not (some or here.waiting or here.away or meanwhile):
        return []
    here.depart(some, last=True)
    if meanwhile is not None:
        try:
            meanwhile()
        except BaseException:
            here.bring_down()
            raise
    rows = here.arrive()
    return rows[len(rows) - len(some) :]


def flush() -> None:
    """Send what waits, and wait for what is in the air."""
    fly([])


def _order(one: Statement) -> pipe.Order:
    return one.sql, one.params, one.prepare


def _key(one: Statement) -> _Key:
    return one.sql, tuple(one.params.values() if isinstance(one.params, Mapping) else one.params)


def _fail(some: Sequence[Statement]) -> None:
    for one in some:
        if one.failed is not None:
            one.failed()


def _refuse(some: Sequence[Statement], no: IntegrityError) -> NoReturn:
    """Somebody else was faster: say so instead of failing."""
    cause = no.__cause__
    name = (cause.diag.constraint_name if isinstance(cause, psycopg.Error) else None) or ""
    for one in some:
        if one.refuse is not None and name in one.refuse:
            raise one.refuse[name] from no
    raise no


# --- the savepoint under an effect, and the end of a transaction ------------------------------------------------------
class Effect:
    """What a refusal undoes: everything since this point, put off or sent, while the transaction goes on."""

    def __init__(self) -> None:
        self.hooks = len(connection.run_on_commit)
        send(_SAVEPOINT)

    def undo(self) -> None:
        here = _here.get()
        assert here is not None, "outside a use case"
        is_sent = _SAVEPOINT not in here.waiting
        here.waiting = []
        if is_sent:
            here.bring_down()
            fly([_UNDO])
        del connection.run_on_commit[self.hooks :]
        transaction.set_rollback(False)


def commit() -> None:
    """Send what waits with COMMIT behind it. Inside somebody's transaction (a test's) it only sends: that one commits."""
    if connection.savepoint_ids or transaction.get_rollback():
        flush()
    else:
        fly([_COMMIT])
