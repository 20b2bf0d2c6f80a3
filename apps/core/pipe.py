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
Queue = Sequence[tuple[str, Params, bool]]  # SQL, parameters, whether to prepare it

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
    """What is kept for one connection: its adapters, made once; names of what it has prepared, the last used last; what is under way."""

    def __init__(self, line: psycopg.Connection[Any]) -> None:
        self.adapters = Transformer(line)
        self.names: OrderedDict[_Key, bytes] = OrderedDict()
        self.made = 0
        self.under_way: list[_Command] = []
        self.fresh: dict[_Key, bytes] = {}
        self.count = 0  # statements under way

    def land(self) -> tuple[list["_Command"], dict["_Key", bytes], int]:
        """Nothing is under way any more; what was."""
        landed = self.under_way, self.fresh, self.count
        self.under_way, self.fresh, self.count = [], {}, 0
        return landed


_Key = tuple[str, tuple[int, ...]]
_Command = tuple[Callable[[], None], int | None, _Key | None]  # what writes it, whose rows it gives, what it prepares
_STALE = {b"0A000", b"26000"}  # the plan no longer fits the tables, or somebody forgot it: all are prepared anew
_lines: WeakKeyDictionary[psycopg.Connection[Any], _Line] = WeakKeyDictionary()


def start(line: psycopg.Connection[Any], queue: Queue) -> None:
    """Let statements set off, BEGIN before them where a transaction has to begin: the server works on them meanwhile.

    Their rows and errors come with the next :func:`send`; until then the connection is used for nothing else.
    """
    kept = _kept(line)
    entered = bool(kept.under_way)
    commands = _written(kept, line, queue)
    with line.lock:
        try:
            if not entered:
                line.pgconn.enter_pipeline_mode()
            for write, _, _ in commands:
                write()
            line.pgconn.flush()  # what the socket does not take now goes with the next
        except BaseException:
            kept.land()
            line.close()
            raise


def send(line: psycopg.Connection[Any], queue: Queue) -> list[Rows]:
    """The rows of each statement, those under way first, in order.

    :raises psycopg.Error: of the first one that failed; nothing behind it was done
    """
    kept = _kept(line)
    entered = bool(kept.under_way)
    commands = _written(kept, line, queue)
    everything, fresh, count = kept.land()
    with line.lock:
        answers = _converse(line, [write for write, _, _ in commands], entered)
    return _rows(kept, fresh, everything, answers, count, line.info.encoding)


def abandon(line: psycopg.Connection[Any]) -> None:
    """Wait for what is under way, whatever comes of it. A connection that is lost stays so."""
    kept = _kept(line)
    if kept.under_way:
        commands, fresh, _ = kept.land()
        with line.lock:
            answers = _converse(line, (), True)
        for (_, _, key), results in zip(commands, answers, strict=False):
            if key is not None and results[0].status == ExecStatus.COMMAND_OK:
                kept.names[key] = fresh[key]


def _kept(line: psycopg.Connection[Any]) -> _Line:
    kept = _lines.get(line)
    if kept is None:
        kept = _lines[line] = _Line(line)
    return kept


def _written(kept: _Line, line: psycopg.Connection[Any], queue: Queue) -> list[_Command]:
    """The commands of these statements, counted among those under way."""
    pgconn, fresh = line.pgconn, dict(kept.fresh)
    commands: list[_Command] = []
    if not kept.under_way and not line.autocommit and pgconn.transaction_status == TransactionStatus.IDLE:
        commands.append((partial(pgconn.send_query_params, b"BEGIN", None), None, None))
    for number, (sql, params, prepare) in enumerate(queue, kept.count):
        commands += _commands(kept, fresh, pgconn, number, sql, params, prepare)
    kept.under_way += commands
    kept.fresh = fresh
    kept.count += len(queue)
    return commands


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


def _converse(line: psycopg.Connection[Any], writes: Sequence[Callable[[], None]], entered: bool) -> list[list[Any]]:
    """Write all, send once, read all, what is under way included: for each its results. A connection left in the middle is closed.

    :param entered: something is under way
    """
    pgconn = line.pgconn
    try:
        if not entered:
            pgconn.enter_pipeline_mode()
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
