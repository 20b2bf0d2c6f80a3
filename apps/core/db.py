"""The database as second wall: fields, generated triggers, raw statements, read-only snapshots."""

import functools
import json
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import orjson
import psycopg
from django.db import IntegrityError, models, transaction
from django.db.models.base import ModelState
from psycopg.types.json import Jsonb

from . import flights, ids, money
from .errors import AppError
from .flights import Statement
from .states import Machine

_M = TypeVar("_M", bound=models.Model)


def run(sql: str, params: flights.Params = ()) -> flights.Rows:
    """Send one prepared statement (behind those that wait, in one flight); its rows, or [] where it has none. Errors come as Django's."""
    return flights.fly([Statement(sql, params)])[0]


def send(
    sql: str, params: flights.Params = (), *, refuse: flights.Refusals | None = None, failed: Callable[[], None] | None = None
) -> None:
    """A statement whose rows nobody needs: inside a use case it goes out with the next one that is waited for, at the latest with COMMIT.

    :param refuse: constraint → what its breach means: somebody else was faster. It is raised when the statement goes out
    :param failed: called when it, or what it travelled with, failed
    """
    flights.send(Statement(sql, params, refuse, failed))


def run_all(*statements: tuple[str, flights.Params]) -> list[flights.Rows]:
    """Several statements in one flight; the rows of each."""
    return flights.fly([Statement(sql, params) for sql, params in statements])


def one(sql: str, params: flights.Params = ()) -> tuple[Any, ...]:
    """The only row of a statement that always has one."""
    return run(sql, params)[0]


def first(sql: str, params: flights.Params = ()) -> tuple[Any, ...] | None:
    rows = run(sql, params)
    return rows[0] if rows else None


def lock_name(name: str, beside: str | None = None) -> None:
    """Whoever locks the same name waits until this transaction ends: for what has no row of its own yet.

    :param beside: a name that is shared with others who name it here; whoever locks it as its own name waits for all of them
    """
    shared = "pg_advisory_xact_lock_shared(hashtextextended(%s, 0)), " if beside is not None else ""
    run(f"SELECT {shared}pg_advisory_xact_lock(hashtextextended(%s, 0))", (name,) if beside is None else (beside, name))


def loads(text: str) -> Any:
    """A json or jsonb column of `run`, which Django has psycopg hand over as text; fractions become Decimal."""
    return json.loads(text, parse_float=Decimal)


def dumps(value: Any) -> str:
    """JSON for a json or jsonb column.

    :raises TypeError: something in it is no JSON: amounts are strings
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS).decode()
    except TypeError:  # keys that are no text, which the standard library writes as text
        return json.dumps(value)


def array(values: Iterable[Any]) -> str:
    """An array as PostgreSQL reads it, for a parameter that is cast (`%s::uuid[]`): psycopg's own takes ten times as long."""
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, datetime):
        return f'"{value.isoformat()}"'
    if isinstance(value, Jsonb):
        return _element(json.dumps(value.obj, ensure_ascii=False))
    assert isinstance(value, int | UUID | Decimal | date), f"{type(value).__name__} in an array"
    return str(value)


def jsonb(value: object) -> Jsonb:
    return Jsonb(value)


@contextmanager
def refuse_on(constraint: str, refusal: AppError) -> Iterator[None]:
    """A breach of this constraint is somebody else having been faster: say so instead of failing."""
    try:
        yield
        flights.flush()  # what was put off inside fails inside
    except IntegrityError as no:
        cause = no.__cause__
        if isinstance(cause, psycopg.Error) and cause.diag.constraint_name == constraint:
            raise refusal from no
        raise


@contextmanager
def snapshot() -> Iterator[None]:
    """One REPEATABLE READ READ ONLY transaction as the read role: reports, verify, exports."""
    with transaction.atomic(durable=True):
        first = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"  # no query before it, so nothing is prepared or forgotten here
        settings = (first, "SET LOCAL ROLE flowdesk_read", "SET LOCAL statement_timeout = '15min'")
        flights.fly([Statement(sql, prepare=False) for sql in settings])
        yield


if TYPE_CHECKING:
    _Decimal = models.DecimalField[Any, Any]
else:
    _Decimal = models.DecimalField


@functools.cache
def _insert_sql(models_: tuple[type[models.Model], ...]) -> str:
    parts = []
    for model in models_:
        columns = _columns_of(model)
        names = ", ".join(f'"{field.column}"' for field, _ in columns)
        parts.append(f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES ({", ".join(["%s"] * len(columns))})')  # noqa: S608
    ctes = ", ".join(f"w{i} AS ({part})" for i, part in enumerate(parts[:-1]))
    return f"WITH {ctes} {parts[-1]}" if ctes else parts[-1]


@functools.cache
def _columns_of(model: type[models.Model]) -> tuple[tuple[Any, Callable[[Any], Any]], ...]:
    """The columns that an insert writes, each with what turns its value into PostgreSQL's text."""
    return tuple((f, _writer(f)) for f in model._meta.concrete_fields if not isinstance(f, models.AutoField) and not f.has_db_default())


@functools.cache
def _reader(model: type[models.Model]) -> Callable[[models.Model], tuple[Any, ...]]:
    """All values of a row that :func:`_columns_of` names, at once."""
    fields = [field for field, _ in _columns_of(model)]
    read: Callable[[models.Model], tuple[Any, ...]] = operator.attrgetter(*(field.attname for field in fields))
    own = [(at, field) for at, field in enumerate(fields) if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)]
    if not own:
        return read

    def with_own(row: models.Model) -> tuple[Any, ...]:
        for _, field in own:
            field.pre_save(row, True)
        return read(row)

    return with_own


@functools.cache
def _born(model: type[models.Model]) -> dict[str, Callable[[], Any]]:
    """What makes the default of each column of a new row."""
    return {field.attname: field.get_default for field in model._meta.concrete_fields if not field.has_db_default()}


def born(model: type[_M], **values: Any) -> _M:
    """A new row for :func:`insert`, by column (`client_id`, never `client`), as its constructor would make it.

    For the hot paths: Django's constructor, called by name, takes several times as long.

    :raises TypeError: no such column
    """
    columns = _born(model)
    if not values.keys() <= columns.keys():
        raise TypeError(f"{model.__name__} has no column {', '.join(sorted(values.keys() - columns.keys()))}")
    row = model.__new__(model)
    row._state = ModelState()
    made = row.__dict__
    for name, default in columns.items():
        made[name] = values[name] if name in values else default()
    return row


def insert(*rows: models.Model, refuse: flights.Refusals | None = None) -> None:
    """Insert several new rows, of one model or of many, in one statement, as :func:`send`. Columns with a database default get it."""
    kinds = tuple(type(row) for row in rows)
    values: list[Any] = []
    for row, kind in zip(rows, kinds, strict=True):
        values += [write(value) for (_, write), value in zip(_columns_of(kind), _reader(kind)(row), strict=True)]
        row._state.adding = False
        row._state.db = "default"
    send(_insert_sql(kinds), values, refuse=refuse)


def _writer(field: Any) -> Callable[[Any], Any]:
    if isinstance(field, models.JSONField):
        return lambda value: None if value is None else dumps(value)
    if isinstance(field, AmountField):
        return lambda value: None if value is None else str(field.checked(value))
    return text


def text(value: Any) -> Any:
    """A value as PostgreSQL reads it for a column of its type, None and what is not listed here as they are.

    All parameters of an INSERT being text, it is one prepared statement, whichever of them are null.
    """
    write = _TEXTS.get(type(value))
    if write is not None:
        return write(value)
    if isinstance(value, str):  # a StrEnum
        return str(value)
    if isinstance(value, list | tuple):
        return array(value)
    return value


_TEXTS: dict[type, Callable[[Any], Any]] = {
    str: lambda value: value,
    int: str,
    bool: lambda value: "t" if value else "f",
    Decimal: str,
    UUID: str,
    datetime: datetime.isoformat,
    date: date.isoformat,
    time: time.isoformat,
    bytes: lambda value: f"\\x{value.hex()}",
}


class AmountField(_Decimal):
    """numeric(38,18). More than 18 decimals is refused, never rounded in silence."""

    def __init__(self, **kw: Any) -> None:
        kw.update(max_digits=38, decimal_places=money.MAX_SCALE)
        super().__init__(**kw)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if isinstance(value, Decimal):
            self.checked(value)
        return super().get_db_prep_value(value, connection, prepared)

    def checked(self, value: Any) -> Any:
        """The value itself.

        :raises ValueError: it is not finite or has more than 18 decimals
        """
        if isinstance(value, Decimal):
            if not value.is_finite():
                raise ValueError(f"{self.name}: {value} is not a finite amount")
            if money.scale_of(value) > money.MAX_SCALE:
                raise ValueError(f"{self.name}: {value} has more than {money.MAX_SCALE} decimals")
        return value

    def deconstruct(self) -> Any:
        name, path, args, kw = super().deconstruct()
        kw.pop("max_digits"), kw.pop("decimal_places")
        return name, path, args, kw


class Row(models.Model):
    """A row with a time-ordered id made before the insert."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} …{str(self.id)[-6:]}"


# --- SQL of the walls: used by migrations; a test compares what stands in the database with the Machine -----------------
def moves_sql(table: str, machine: Machine[Any], column: str = "status") -> tuple[str, str]:
    """(forward, reverse) SQL of the trigger that lets `column` move only as `machine` says."""
    pairs = ", ".join(sorted(f"'{old}>{new}'" for old, then in machine.moves.items() for new in then)) or "''"
    firsts = ", ".join(sorted(f"'{s}'" for s in machine.first))
    name = f"{table}_{column}_moves"
    forward = f"""
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NOT (NEW.{column} = ANY (ARRAY[{firsts}])) THEN
      RAISE EXCEPTION '{table}: a row cannot be born %', NEW.{column} USING ERRCODE = '23514', CONSTRAINT = '{name}';
    END IF;
  ELSIF NEW.{column} IS DISTINCT FROM OLD.{column} AND NOT ((OLD.{column} || '>' || NEW.{column}) = ANY (ARRAY[{pairs}])) THEN
    RAISE EXCEPTION '{table}: % cannot become %', OLD.{column}, NEW.{column} USING ERRCODE = '23514', CONSTRAINT = '{name}';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER {name} BEFORE INSERT OR UPDATE OF {column} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}();
"""
    return forward, f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();"


def append_only_sql(table: str) -> tuple[str, str]:
    """(forward, reverse) SQL of the triggers that refuse UPDATE, DELETE and TRUNCATE."""
    forward = f"""
CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER {table}_kept_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
    return forward, f"DROP TRIGGER {table}_kept ON {table}; DROP TRIGGER {table}_kept_whole ON {table};"


def undeletable_sql(table: str) -> tuple[str, str]:
    """(forward, reverse) SQL of the triggers that refuse DELETE and TRUNCATE: history moves, it never goes."""
    forward = f"""
CREATE TRIGGER {table}_stays BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER {table}_stays_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
    return forward, f"DROP TRIGGER {table}_stays ON {table}; DROP TRIGGER {table}_stays_whole ON {table};"


def frozen_columns_sql(table: str, columns: Sequence[str]) -> tuple[str, str]:
    """(forward, reverse) SQL of the trigger that keeps `columns` as they were born."""
    changed = " OR ".join(f"NEW.{c} IS DISTINCT FROM OLD.{c}" for c in columns)
    name = f"{table}_frozen"
    forward = f"""
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF {changed} THEN
    RAISE EXCEPTION '{table}: {", ".join(columns)} never change' USING ERRCODE = '23514', CONSTRAINT = '{name}';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER {name} BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}();
"""
    return forward, f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();"


def refrozen_columns_sql(table: str, columns: Sequence[str], before: Sequence[str]) -> tuple[str, str]:
    """(forward, reverse) SQL that freezes `columns` where an earlier migration froze those of `before`."""
    forward, gone = frozen_columns_sql(table, columns)
    return gone + forward, gone + frozen_columns_sql(table, before)[0]


def walls(*pairs: tuple[str, str]) -> list[Any]:
    """Migration operations of several (forward, reverse) pairs."""
    from django.db import migrations

    return [migrations.RunSQL([forward], [reverse]) for forward, reverse in pairs]  # lists: sqlparse would cut plpgsql apart
