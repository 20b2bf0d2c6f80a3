"""Several statements in one round trip, on psycopg's libpq layer (`psycopg.pq`).

psycopg's own `pipeline()` gives each statement a cursor and asks the socket again after each: for a dozen small statements that costs more
processor time here than in the server. This writes all of them down, sends them once, and reads the answers when they are asked for.
Parameters and rows go through psycopg's own adapters, so values mean what they mean everywhere else.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, NamedTuple, TypeVar

import psycopg
from psycopg.adapt import AdaptersMap, PyFormat, Transformer
from psycopg.generators import fetch_many
from psycopg.generators import send as flush
from psycopg.pq import DiagnosticField, ExecStatus, TransactionStatus
from psycopg.types.datetime import TimestamptzLoader

Params = Sequence[Any] | Mapping[str, Any]
Rows = list[tuple[Any, ...]]
Order = tuple[str, Params, bool]  # sql, parameters, whether to prepare it
T = TypeVar("T")

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


class _Adapting(NamedTuple):
    adapters: AdaptersMap
    connection: psycopg.Connection[Any]


class _Line:
    """What is kept for one connection: its adapters, made once, and the names of what it has prepared, the last used last.

    Times are read by psycopg's own loader, in the line's time zone, which is UTC: Django's, in Python, takes ten times as long.
    """

    def __init__(self, line: psycopg.Connection[Any]) -> None:
        adapters = AdaptersMap(line.adapters)
        adapters.register_loader("timestamptz", TimestamptzLoader)
        self.adapters = Transformer(_Adapting(adapters, line))
        self.names: OrderedDict[_Key, bytes] = OrderedDict()
        self.made = 0


_Key = tuple[str, tuple[int, ...]]


class _Command(NamedTuple):
    """What the server answers once: `gives` rows of a statement (BEGIN and PREPARE give nobody's), or prepares one."""

    write: Callable[[], None]
    gives: bool
    prepares: _Key | None


_GOOD = {ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK}
_STALE = {b"0A000", b"26000"}  # the plan no longer fits the tables, or somebody forgot it: all are prepared anew


class Flight:
    """One round trip of a connection: what is written goes out at once, the server works on it, and its answers are read when they are
    needed. From the first statement to its landing nothing else may use the connection; one that was left in the middle is closed.
    """

    def __init__(self, line: psycopg.Connection[Any]) -> None:
        kept = line.__dict__.get("flown")  # on the connection, which it refers to: held anywhere else it would keep it for ever
        if kept is None:
            kept = line.__dict__["flown"] = _Line(line)
        self._line, self._kept, self._pgconn = line, kept, line.pgconn
        self._fresh: dict[_Key, bytes] = {}
        self._commands: list[_Command] = []  # not answered yet
        self._is_closed = False
        self.is_open = False  # from its first statement to its landing

    def write(self, queue: Sequence[Order], *, answer: bool = False) -> None:
        """Write down what :meth:`go` or :meth:`close` will send; BEGIN goes first where a transaction has to begin.

        :param answer: let the server answer up to here before it goes on, for :meth:`read`
        :raises psycopg.Error: what cannot be written down (nothing of `queue` is)
        """
        pgconn = self._pgconn
        commands: list[_Command] = []
        if not self.is_open and not self._line.autocommit and pgconn.transaction_status == TransactionStatus.IDLE:
            *prepare, begin = _commands(self._kept, self._fresh, pgconn, "BEGIN", (), prepare=True)
            commands += [*prepare, begin._replace(gives=False)]
        for sql, params, keep in queue:
            commands += _commands(self._kept, self._fresh, pgconn, sql, params, prepare=keep)

        def put() -> None:
            if not self.is_open:
                pgconn.enter_pipeline_mode()
                self.is_open = True
            for command in commands:
                command.write()
            if answer:
                pgconn.send_flush_request()

        self._hold(put)
        self._commands += commands

    def go(self) -> None:
        """Send, and go on."""
        self._hold(self._pgconn.flush)

    def close(self) -> None:
        """Send; nothing follows."""
        self._hold(self._pgconn.pipeline_sync)
        self._is_closed = True

    def read(self, count: int) -> list[Rows]:
        """The rows of the next `count` statements, which were written with `answer`; the answers behind them are under way.

        :raises psycopg.Error: one of them failed; the flight has landed
        """
        number, left = 0, count
        while left:
            left -= self._commands[number].gives
            number += 1
        answers = self._hold(lambda: self._line.wait(_fetch(self._pgconn, number)))
        commands, self._commands = self._commands[:number], self._commands[number:]
        try:
            return self._rows(commands, answers)
        except psycopg.Error:
            self._end()
            raise

    def land(self) -> list[Rows]:
        """The rows of all that were not read yet; the connection is free again.

        :raises psycopg.Error: of the first one that failed; nothing behind it was done
        """
        return self._rows(*self._end())

    def _end(self) -> tuple[list[_Command], list[Any]]:
        if not self._is_closed:
            self.close()

        def land() -> list[Any]:
            answers: list[Any] = self._line.wait(_fetch(self._pgconn, None))
            self._pgconn.exit_pipeline_mode()
            return answers

        answers = self._hold(land)
        self.is_open = False
        return self._commands, answers

    def _hold(self, act: Callable[[], T]) -> T:
        """Whatever goes wrong on the line itself closes it."""
        with self._line.lock:
            try:
                return act()
            except BaseException:
                self.is_open = False
                self._line.close()
                raise

    def _rows(self, commands: Sequence[_Command], answers: Sequence[Sequence[Any]]) -> list[Rows]:
        kept, rows, failed = self._kept, [], None
        for command, results in zip(commands, answers, strict=False):
            result = results[0]
            if result.status not in _GOOD:
                failed = failed or result
                continue
            if command.prepares is not None:
                kept.names[command.prepares] = self._fresh[command.prepares]
            if command.gives:
                found: Rows = []
                if failed is None and result.status == ExecStatus.TUPLES_OK:
                    kept.adapters.set_pgresult(result)
                    found = kept.adapters.load_rows(0, result.ntuples, tuple)
                rows.append(found)
        if failed is None and len(answers) > len(commands):
            failed = answers[-1][0]
        if failed is None:
            return rows
        if failed.error_field(DiagnosticField.SQLSTATE) in _STALE:
            kept.names.clear()
        raise psycopg.errors.error_from_result(failed, encoding=self._line.info.encoding)


def _commands(kept: _Line, fresh: dict[_Key, bytes], pgconn: Any, sql: str, params: Params, *, prepare: bool) -> list[_Command]:
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
        return [_Command(partial(pgconn.send_query_params, text, values, types, shapes), True, None)]
    out: list[_Command] = []
    key = (sql, types)
    name = kept.names.get(key) or fresh.get(key)
    if name is None:
        name = fresh[key] = b"flight_%d" % kept.made
        kept.made += 1
        out.append(_Command(partial(pgconn.send_prepare, name, text, types), False, key))
        while len(kept.names) >= KEPT:
            _, oldest = kept.names.popitem(last=False)
            out.append(_Command(partial(pgconn.send_query_params, b"DEALLOCATE " + oldest, None), False, None))
    elif key in kept.names:
        kept.names.move_to_end(key)
    out.append(_Command(partial(pgconn.send_query_prepared, name, values, shapes), True, None))
    return out


def _fetch(pgconn: Any, count: int | None) -> Any:
    """The results of the next `count` commands; of None all up to the synchronisation, and one more where the commit of a statement
    without a transaction failed (deferred triggers).
    """
    yield from flush(pgconn)
    answers: list[Any] = []
    while len(answers) != count:
        results = yield from fetch_many(pgconn)
        if not results:
            raise psycopg.OperationalError("the server's answers ended early")
        if results[0].status == ExecStatus.PIPELINE_SYNC:
            break
        answers.append(results)
    return answers
