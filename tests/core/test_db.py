"""Amounts keep 18 decimals or are refused; several rows go in by one statement; jsonb and snapshots are exact."""

from decimal import Decimal as D
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, ProgrammingError

from apps.clients.models import Group
from apps.core import clock, db, flights, ids
from apps.core.errors import Conflict
from apps.credit.models import AssetMark
from tests import world

pytestmark = pytest.mark.django_db(transaction=True)


def mark(amount: D) -> AssetMark:
    return AssetMark(asset_code="BTC", usd=amount, as_of=world.NOON)


@pytest.mark.parametrize("save", [db.insert, lambda row: row.save(force_insert=True)])
@pytest.mark.parametrize("wrong", [D("0.1234567890123456789"), D("1E-19"), D("NaN"), D("Infinity")])
def test_more_than_eighteen_decimals_or_no_number_is_refused_not_rounded(save, wrong: D) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"decimals|finite"):
        save(mark(wrong))
    assert not AssetMark.objects.exists()


def test_eighteen_decimals_come_back_to_the_last_digit() -> None:
    exact = D("12345678901234567890.123456789012345678")
    row = mark(exact)
    db.insert(row)
    assert AssetMark.objects.get(asset_code=row.asset_code).usd == exact
    assert db.one("SELECT usd FROM credit_assetmark") == (exact,)
    assert db.one("SELECT %s::numeric * 3", (exact,)) == (exact * 3,)


def test_a_filter_by_an_amount_is_exact() -> None:
    db.insert(mark(D("0.000000000000000001")))
    assert AssetMark.objects.filter(usd=D("0.000000000000000001")).count() == 1
    assert AssetMark.objects.filter(usd__gt=0).count() == 1


def test_rows_of_several_models_are_inserted_by_one_statement() -> None:
    before = flights.statements
    db.insert(Group(id=ids.uuid7(), name="one"), mark(D(1)), Group(id=ids.uuid7(), name="two"))
    assert flights.statements == before + 1
    assert (Group.objects.count(), AssetMark.objects.count()) == (2, 1)


def test_a_breach_of_a_named_constraint_becomes_its_refusal_and_others_stay_errors() -> None:
    db.insert(Group(id=ids.uuid7(), name="same"))
    with pytest.raises(Conflict, match="faster"), db.refuse_on("clients_group_name_key", Conflict("faster")):
        db.insert(Group(id=ids.uuid7(), name="same"))
    with pytest.raises(IntegrityError), db.refuse_on("another_constraint", Conflict("faster")):
        db.insert(Group(id=ids.uuid7(), name="same"))


def test_fractions_out_of_json_are_decimals() -> None:
    assert db.loads(db.one("""SELECT '{"a": 0.1, "b": "0.10"}'::jsonb""")[0]) == {"a": D("0.1"), "b": "0.10"}


def test_a_snapshot_reads_as_the_reading_role_and_writes_nothing() -> None:
    with db.snapshot():
        assert db.one("SELECT current_user, current_setting('transaction_isolation')") == ("flowdesk_read", "repeatable read")
    with pytest.raises(Exception, match=r"read-only|permission"), db.snapshot():
        db.insert(Group(id=ids.uuid7(), name="no"))
    assert not Group.objects.exists()
    assert db.one("SELECT current_user")[0] == "flowdesk_app", "the role ends with the transaction"
    assert clock.desk_now()


def test_the_app_role_cannot_make_tables_or_switch_the_walls_off() -> None:
    for sql in ("CREATE TABLE mine (n int)", "ALTER TABLE ledger_ledgerline DISABLE TRIGGER ALL", "SET session_replication_role = replica"):
        with pytest.raises(ProgrammingError):
            db.run(sql)


def test_no_table_stands_before_those_that_the_triggers_read(superuser_session: Any) -> None:
    """As `migrate` leaves a database: the one of which that of the tests is a copy, since a copy's rights are its own."""
    found = superuser_session.execute(
        "SELECT role, has_database_privilege(role, datname, 'TEMP') FROM pg_database, unnest(ARRAY['flowdesk_app', 'flowdesk_read']) role "
        "WHERE datname LIKE 'flowdesk_template_%' AND datistemplate"
    )
    assert sorted(found.fetchall()) == [("flowdesk_app", False), ("flowdesk_read", False)]


def test_a_login_of_its_own_deals_and_cannot_become_the_owner(superuser_session: Any) -> None:
    """How a production desk runs: its processes log in as a mere member of app and read (docs/adr/0011)."""
    superuser_session.execute("DROP ROLE IF EXISTS flowdesk_run")
    superuser_session.execute("CREATE ROLE flowdesk_run LOGIN")
    superuser_session.execute("GRANT flowdesk_app, flowdesk_read TO flowdesk_run WITH INHERIT FALSE, SET TRUE")
    place = superuser_session.info
    try:
        with psycopg.connect(
            host=place.host, port=place.port, dbname=place.dbname, user="flowdesk_run", options="-c role=flowdesk_app", autocommit=True
        ) as login:
            assert login.execute("SELECT desk_now(), current_user").fetchone()[1] == "flowdesk_app"  # type: ignore[index]
            login.execute("SET ROLE flowdesk_read")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                login.execute("SET ROLE flowdesk")
    finally:
        superuser_session.execute("DROP ROLE flowdesk_run")


def test_arrays_of_every_kind_come_back_as_they_were() -> None:
    words = ["plain", "", "NULL", 'a "quote"', "back\\slash", "{brace}, comma", "ümlaut ♥", " space ", None]
    assert db.one("SELECT %s::text[]", (db.array(words),))[0] == words
    numbers = [D("1.000000000000000001"), D("-1E-18"), D(10) ** 19, None]
    assert db.one("SELECT %s::numeric[]", (db.array(numbers),))[0] == numbers
    some = [ids.uuid7(), ids.uuid7(), None]
    assert db.one("SELECT %s::uuid[]", (db.array(some),))[0] == some
    assert db.one("SELECT %s::timestamptz[]", (db.array([world.NOON]),))[0] == [world.NOON]
    assert db.one("SELECT %s::date[]", (db.array([world.NOON.date()]),))[0] == [world.NOON.date()]
    told = {"a": ['x "y" \\ z', None, "ü"]}
    assert db.loads(db.one("SELECT (%s::jsonb[])[1]::text", (db.array([db.jsonb(told)]),))[0]) == told
    assert db.one("SELECT %s::int[]", (db.array([]),))[0] == []


def test_what_is_no_element_of_an_array_is_refused() -> None:
    with pytest.raises(AssertionError):
        db.array([1.5])
