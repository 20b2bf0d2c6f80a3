"""One round trip for many statements: values, order, errors, and a connection that stays good whatever goes wrong."""

import gc
import weakref
from datetime import UTC, datetime
from decimal import Decimal as D
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from apps.clients.models import Group
from apps.core import db, flights, ids, pipe
from tests.engines import superuser

pytestmark = pytest.mark.django_db(transaction=True)


def prepared(like: str) -> int:
    count: int = db.one("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", (like,))[0]
    return count


def test_each_statement_gives_its_own_rows_in_order() -> None:
    assert db.run_all(("SELECT 1", ()), ("SELECT 2 WHERE false", ()), ("SELECT %s::text, 3", ("a",))) == [[(1,)], [], [("a", 3)]]


def test_names_percents_and_nulls_in_parameters() -> None:
    assert db.run("SELECT %(a)s::int, %(b)s::text, %(a)s::int + 1, 7 %% 4", {"a": 2, "b": None}) == [(2, None, 3, 3)]
    assert db.one("SELECT 'a' LIKE 'a%'") == (True,)


@pytest.mark.parametrize(
    ("sql", "params"),
    [
        ("SELECT %s, %(a)s", {"a": 1}),
        ("SELECT %d", (1,)),
        ("SELECT %s, %s", (1,)),
        ("SELECT %s", (1, 2)),
        ("SELECT %s", (object(),)),
    ],
)
def test_what_cannot_be_written_down_is_refused_before_anything_is_sent(sql: str, params: Any) -> None:
    with pytest.raises(ProgrammingError):
        db.run_all(("INSERT INTO clients_group (id, name) VALUES (%s, 'never')", (ids.uuid7(),)), (sql, params))
    assert db.one("SELECT 1") == (1,)
    assert not Group.objects.exists()


def test_of_several_errors_the_first_is_told_and_the_connection_stays_good() -> None:
    with pytest.raises(psycopg.errors.DivisionByZero) as told, transaction.atomic():
        try:
            db.run_all(("SELECT 1", ()), ("SELECT 1 / 0", ()), ("SELECT 'x'::int", ()))
        except Exception as no:
            assert isinstance(no.__cause__, psycopg.Error)
            raise no.__cause__ from None
    assert told.value.diag.sqlstate == "22012"
    assert db.one("SELECT 1") == (1,)


def test_what_is_only_found_out_at_the_commit_is_told_too() -> None:
    session = superuser()
    session.execute("CREATE TABLE firsts (n int UNIQUE DEFERRABLE INITIALLY DEFERRED); GRANT INSERT, SELECT ON firsts TO flowdesk_app")
    try:
        with pytest.raises(IntegrityError):
            db.run_all(("INSERT INTO firsts VALUES (%s)", (1,)), ("INSERT INTO firsts VALUES (%s)", (1,)))
        with pytest.raises(IntegrityError):
            db.run("INSERT INTO firsts VALUES (1), (1)")
        assert db.run("SELECT * FROM firsts") == []
    finally:
        session.execute("DROP TABLE firsts")


def test_a_statement_behind_a_failed_one_is_not_taken_for_prepared() -> None:
    for _ in range(2):
        with pytest.raises(Exception, match="division"):
            db.run_all(("SELECT 1 / 0", ()), ("SELECT 4711 AS behind", ()))
    assert db.one("SELECT 4711 AS behind") == (4711,)
    assert prepared("SELECT 4711 AS behind") == 1


def test_a_connection_forgets_the_oldest_statements(monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    monkeypatch.setattr(pipe, "KEPT", 5)
    for number in range(12):
        assert db.one(f"SELECT {number} AS many") == (number,)
    assert 3 <= prepared("SELECT % AS many") <= 5
    assert db.one("SELECT 0 AS many") == (0,)


def test_a_plan_that_no_longer_fits_its_table_is_made_anew() -> None:
    session = superuser()
    session.execute("CREATE TABLE shapes (n int); INSERT INTO shapes VALUES (1); GRANT SELECT ON shapes TO flowdesk_app")
    try:
        assert db.run("SELECT * FROM shapes") == [(1,)]
        session.execute("ALTER TABLE shapes ADD COLUMN m int DEFAULT 2")
        with pytest.raises(Exception, match="cached plan"):
            db.run("SELECT * FROM shapes")
        assert db.run("SELECT * FROM shapes") == [(1, 2)]
    finally:
        session.execute("DROP TABLE shapes")


def test_a_server_that_goes_away_ends_the_connection_and_the_next_one_is_new() -> None:
    [(pid,)] = db.run("SELECT pg_backend_pid()")
    superuser().execute("SELECT pg_terminate_backend(%s)", (pid,))
    with pytest.raises(Exception, match=r"terminat|closed|lost"):
        db.run_all(("SELECT 1", ()), ("SELECT 2", ()))
    connection.close()
    assert db.one("SELECT 1") == (1,)


def test_rows_with_and_without_nulls_are_inserted_by_one_prepared_statement() -> None:
    for extra in (None, D("1.5")):
        db.insert(Group(id=ids.uuid7(), name=f"g{extra}"))
    assert prepared('INSERT INTO "clients_group"%') == 1
    before = flights.flights
    db.insert(Group(id=ids.uuid7(), name="last"))
    assert flights.flights == before + 1


def own_line() -> Any:
    return psycopg.connect(**{**connection.get_connection_params(), "cursor_factory": psycopg.Cursor}, autocommit=True)


def ask(line: Any, sql: str) -> list[Any]:
    flight = pipe.Flight(line)
    flight.write([(sql, (), True)])
    return flight.land()


def test_a_connection_that_is_done_with_is_let_go_of() -> None:
    line = own_line()
    assert ask(line, "SELECT now()")
    line.close()
    gone = weakref.ref(line)
    del line
    gc.collect()
    assert gone() is None


def test_a_time_is_the_same_instant_in_whatever_zone_its_line_is_and_one_that_is_none_harms_no_line() -> None:
    moment = "SELECT timestamptz '2026-11-23 12:00:00.25+00'"
    with own_line() as line:
        for zone in ("UTC", "Asia/Tokyo", "America/New_York"):
            line.execute(f"SET TIME ZONE '{zone}'")
            assert ask(line, moment) == [[(datetime(2026, 11, 23, 12, 0, 0, 250_000, UTC),)]]
        for none in ("infinity", "-infinity", "4000-01-01 BC", "12000-01-01"):
            with pytest.raises(psycopg.DataError):
                ask(line, f"SELECT timestamptz '{none}'")
            assert ask(line, "SELECT 1") == [[(1,)]]
