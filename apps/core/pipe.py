"""Several statements in one round trip, on psycopg's libpq layer (`psycopg.pq`).

psycopg's own `pipeline()` gives each statement a cursor and asks the socket again after each: for a dozen small statements that costs more
processor time here than in the server. This writes all of them down, sends them once, and reads all answers. Parameters and rows go through
psycopg's own adapters, so values mean what they mean everywhere else.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg.adapt import PyFormat, Transformer
from psycopg.generators import fetch_many
from psycopg.generators import send as flush
from psycopg.pq import DiagnosticField, ExecStatus, TransactionStatus

Params = Sequence[Any] | Mapping[str, Any]
Rows = list[tuple[Any, ...]]

KEPT = 200  # prepared statements a connection
_PLACE = re.compile(r"%(?:(?P<plain>[s%])|\((?P<name>\w+)\)s|(?P<wrong>.?))", re.DOTALL)


@cache
def _numbered(sql: str) -> tuple[bytes, tuple[str, ...] | None, tuple[PyFormat, ...]]:
    """`%s` and `%(name)s` as `$1`, the names by number, and the format of each."""
    order: dict[str, int] = {}
    count = 0

    def number(found: re.Match[str]) -> str:
        nonlocal count
        if found["plain"] == "%":
            return "%"
        if found["wrong"] is not None:
            raise psycopg.ProgrammingError(f"%{found['wrong']} is no placeholder: {sql[:100]}")
        if found["name"] is None:
            count += 1
            return f"${count}"
        return f"${order.setdefault(found['name'], len(order) + 1)}"

    text = _PLACE.sub(number, sql)
    if count and order:
        raise psycopg.ProgrammingError(f"%s beside %(name)s: {sql[:100]}")
    return text.encode(), tuple(order) or None, (PyFormat.AUTO,) * (count or len(order))


class _Line:
    """What is kept for one connection: its adapters, made once, and the names of what it has prepared, the last used last."""

    def __init__(self, line: psycopg.Connection[Any]) -> None:
        self.adapters = Transformer(line)
        self.names: OrderedDict[_Key, bytes] = OrderedDict()
        self.made = 0


_Key = tuple[str, tuple[int, ...]]
_Command = tuple[Callable[[], None], int | None, _Key | None]  # what writes it, whose rows it gives, what it prepares
_STALE = {b"0A000", b"26000"}  # the plan no longer fits the tables, or somebody forgot it: all are prepared anew
_lines: WeakKeyDictionary[psycopg.Connection[Any], _Line] = WeakKeyDictionary()


def send(line: psycopg.Connection[Any], queue: Sequence[tuple[str, Params, bool]]) -> list[Rows]:
    """The rows of each of (sql, parameters, whether to prepare it), in order; BEGIN goes first where a transaction has to begin.

    :raises psycopg.Error: of the first one that failed; nothing behind it was done
    """
    kept = _lines.get(line)
    if kept is None:
        kept = _lines[line] = _Line(line)
    pgconn = line.pgconn
    commands: list[_Command] = []
    if not line.autocommit and pgconn.transaction_status == TransactionStatus.IDLE:
        commands.append((partial(pgconn.send_query_params, b"BEGIN", None), None, None))
    fresh: dict[_Key, bytes] = {}
    for number, (sql, params, prepare) in enumerate(queue):
        commands += _commands(kept, fresh, pgconn, number, sql, params, prepare)
    with line.lock:
        answers = _converse(line, [write for write, _, _ in commands])
    return _rows(kept, fresh, commands, answers, len(queue), line.info.encoding)


def _commands(kept: _Line, fresh: dict[_Key, bytes], pgconn: Any, number: int, sql: str, params: Params, prepare: bool) -> list[_Command]:
    text, order, formats = _numbered(sql) if params else (sql.encode(), None, ())
    if order is not None:
        assert isinstance(params, Mapping)
        params = [params[name] for name in order]
    if len(params) != len(formats):
        raise psycopg.ProgrammingError(f"{len(params)} parameters for {len(formats)} places: {sql[:100]}")
    types: tuple[int, ...] = ()
    values = shapes = None
    if params:
        values = kept.adapters.dump_sequence(params, formats)  # type: ignore[arg-type]
        types, shapes = kept.adapters.types or (), kept.adapters.formats
    if not prepare:
        return [(partial(pgconn.send_query_params, text, values, types, shapes), number, None)]
    out: list[_Command] = []
    key = (sql, types)
    name = kept.names.get(key) or fresh.get(key)
    if name is None:
        name = fresh[key] = b"flight_%d" % kept.made
        kept.made += 1
        out.append((partial(pgconn.send_prepare, name, text, types), None, key))
        while len(kept.names) >= KEPT:
            _, oldest = kept.names.popitem(last=False)
            out.append((partial(pgconn.send_query_params, b"DEALLOCATE " + oldest, None), None, None))
    elif key in kept.names:
        kept.names.move_to_end(key)
    out.append((partial(pgconn.send_query_prepared, name, values, shapes), number, None))
    return out


def _converse(line: psycopg.Connection[Any], writes: Sequence[Callable[[], None]]) -> list[list[Any]]:
    """Write all, send once, read all: for each its results. A connection that was left in the middle is closed."""
    pgconn = line.pgconn
    pgconn.enter_pipeline_mode()
    try:
        for write in writes:
            write()
        pgconn.pipeline_sync()
        answers: list[list[Any]] = line.wait(_fetch(pgconn))
        pgconn.exit_pipeline_mode()
    except BaseException:
        line.close()
        raise
    return answers


def _fetch(pgconn: Any) -> Any:
    """The results of each command, and one more where the commit of a statement without a transaction failed (deferred triggers)."""
    yield from flush(pgconn)
    answers: list[Any] = []
    while True:
        results = yield from fetch_many(pgconn)
        if not results:
            raise psycopg.OperationalError("the server's answers ended early")
        if results[0].status == ExecStatus.PIPELINE_SYNC:
            return answers
        answers.append(results)


def _rows(
    kept: _Line,
    fresh: Mapping[_Key, bytes],
    commands: Sequence[_Command],
    answers: Sequence[Sequence[Any]],
    count: int,
    encoding: str,
) -> list[Rows]:
    rows: list[Rows] = [[]] * count
    failed = None
    for (_, number, key), results in zip(commands, answers, strict=False):
        result = results[0]
        if result.status == ExecStatus.TUPLES_OK:
            if failed is None and number is not None:
                kept.adapters.set_pgresult(result)
                rows[number] = kept.adapters.load_rows(0, result.ntuples, tuple)
        elif result.status != ExecStatus.COMMAND_OK:
            failed = failed or result
        elif key is not None:
            kept.names[key] = fresh[key]
    if failed is None and len(answers) > len(commands):
        failed = answers[-1][0]
    if failed is None:
        return rows
    if failed.error_field(DiagnosticField.SQLSTATE) in _STALE:
        kept.names.clear()
    raise psycopg.errors.error_from_result(failed, encoding=encoding)
