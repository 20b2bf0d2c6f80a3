"""Statements that travel together: inside a use case those whose rows nobody needs wait, and go out with the next one that is waited for.

A flight is one round trip (psycopg's pipeline). The server still runs one statement after the other, each with a snapshot of its own, in
the order in which they were written down; only their errors come later, with the flight. The last flight of a use case carries COMMIT, so
the locks of its last statements are held for the server's own work, never while Python waits for its turn.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NoReturn

import psycopg
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connection, connections, transaction

from . import pipe
from .errors import AppError

Params = pipe.Params
Rows = pipe.Rows
Refusals = Mapping[str, AppError]

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


_SAVEPOINT = Statement("SAVEPOINT effect", prepare=False)
_UNDO = Statement("ROLLBACK TO SAVEPOINT effect", prepare=False)
_COMMIT = Statement("COMMIT", prepare=False)
_waiting: ContextVar[list[Statement] | None] = ContextVar("waiting", default=None)
_ahead: ContextVar[list[Statement]] = ContextVar("ahead")  # reads to go out behind the first flight
_read: ContextVar[dict[tuple[str, tuple[Any, ...]], Rows]] = ContextVar("read")  # and what they found


@contextmanager
def gathered(ahead: Sequence[Statement] = ()) -> Iterator[None]:
    """Let statements wait for each other, in this thread, until the context ends.

    :param ahead: reads that are known before the first flight and go with it, behind what it carries: the same statement finds its rows
        here, once, as long as nothing else was sent
    """
    waiting, reads, read = _waiting.set([]), _ahead.set(list(ahead)), _read.set({})
    try:
        with connection.execute_wrapper(_after_waiting):
            yield
    finally:
        _waiting.reset(waiting)
        _ahead.reset(reads)
        _read.reset(read)


def _after_waiting(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    """What the ORM sends keeps its place behind what waits."""
    flush()
    _read.get().clear()
    return execute(sql, params, many, context)


def send(statement: Statement) -> None:
    """Let it wait for the next flight; outside a use case it is run at once."""
    waiting = _waiting.get()
    if waiting is None:
        fly([statement])
    else:
        waiting.append(statement)


def fly(some: Sequence[Statement]) -> list[Rows]:
    """Send what waits, then `some`, in one flight; the rows of each of `some`.

    :raises AppError: a constraint of `refuse` was breached
    """
    waiting = _waiting.get()
    if waiting is not None and (found := _found(waiting, some)) is not None:
        return found
    queue = [*waiting, *some] if waiting else list(some)
    if waiting:
        waiting.clear()
    if not queue:
        return []
    try:
        rows = _send(queue) if waiting is None or not (ahead := _ahead.get()) else _send_with(queue, ahead)
    except IntegrityError as no:
        _fail(queue)
        _refuse(queue, no)
    except Exception:
        _fail(queue)
        raise
    return rows[len(queue) - len(some) :]


def _found(waiting: Sequence[Statement], some: Sequence[Statement]) -> list[Rows] | None:
    """The rows of reads that went ahead. Whatever else is sent makes them old."""
    read = _read.get()
    if not read:
        return None
    if some and all(one is _SAVEPOINT for one in waiting):
        keys = [_key(one) for one in some]
        if all(key in read for key in keys):
            return [read.pop(key) for key in keys]
    read.clear()
    return None


def _key(one: Statement) -> tuple[str, tuple[Any, ...]]:
    return one.sql, tuple(one.params.values() if isinstance(one.params, Mapping) else one.params)


def _send_with(queue: Sequence[Statement], ahead: list[Statement]) -> list[Rows]:
    rows = _send([*queue, *ahead])
    _read.get().update({_key(one): found for one, found in zip(ahead, rows[len(queue) :], strict=True)})
    ahead.clear()
    return rows[: len(queue)]


def flush() -> None:
    """Send what waits."""
    if _waiting.get():
        fly([])


def _send(queue: Sequence[Statement]) -> list[Rows]:
    global statements, flights  # noqa: PLW0603
    statements += len(queue)
    flights += 1
    django = connections[DEFAULT_DB_ALIAS]
    if django.connection is None:
        django.ensure_connection()
    with django.wrap_database_errors:
        return pipe.send(django.connection, [(one.sql, one.params, one.prepare) for one in queue])


def _fail(queue: Sequence[Statement]) -> None:
    for one in queue:
        if one.failed is not None:
            one.failed()


def _refuse(queue: Sequence[Statement], no: IntegrityError) -> NoReturn:
    """Somebody else was faster: say so instead of failing."""
    cause = no.__cause__
    name = (cause.diag.constraint_name if isinstance(cause, psycopg.Error) else None) or ""
    for one in queue:
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
        waiting = _waiting.get()
        assert waiting is not None, "outside a use case"
        unsent = _SAVEPOINT in waiting
        waiting.clear()
        if not unsent:
            fly([_UNDO])
        del connection.run_on_commit[self.hooks :]
        transaction.set_rollback(False)


def commit() -> None:
    """Send what waits with COMMIT behind it. Inside somebody's transaction (a test's) it only sends: that one commits."""
    if connection.savepoint_ids or transaction.get_rollback():
        flush()
    else:
        fly([_COMMIT])
