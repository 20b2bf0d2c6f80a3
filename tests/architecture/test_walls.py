"""What stands in the live database is what the code says: triggers of the machines, and the rights of the restricted roles."""

import importlib
import pkgutil
import re

import pytest
from django.apps import apps as django_apps

import apps
from apps.core import db
from apps.core.reference import DELETABLE
from apps.core.states import Machine
from tests.machines import TABLES

pytestmark = pytest.mark.django_db


def body_of(function: str) -> str:
    return db.one("SELECT prosrc FROM pg_proc WHERE proname = %s", (function,))[0].strip()


@pytest.mark.parametrize("table", sorted(TABLES))
def test_the_trigger_in_the_database_is_the_one_made_from_the_machine(table: str) -> None:
    forward, _ = db.moves_sql(table, TABLES[table])
    wanted = re.search(r"AS \$body\$(.*?)\$body\$", forward, flags=re.S)
    assert wanted is not None
    assert body_of(f"{table}_status_moves") == wanted.group(1).strip()
    row = db.first(
        "SELECT tgenabled, tgtype, tgattr::text FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname = %s",
        (table, f"{table}_status_moves"),
    )
    assert row is not None
    column = db.one("SELECT attnum FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'status'", (table,))[0]
    assert (row[0], row[1], row[2]) == ("O", 0b10111, str(column)), "BEFORE INSERT OR UPDATE OF status, FOR EACH ROW, enabled"


def test_no_machine_and_no_status_column_is_without_its_trigger() -> None:
    machines = set()
    for module in pkgutil.walk_packages(apps.__path__, "apps."):
        if module.name.endswith(".states") and module.name != "apps.core.states":
            machines |= {id(value) for value in vars(importlib.import_module(module.name)).values() if isinstance(value, Machine)}
    assert machines == {id(machine) for machine in TABLES.values()}
    with_status = {
        model._meta.db_table
        for model in django_apps.get_models()
        if model.__module__.startswith("apps.") and any(f.name == "status" and f.choices for f in model._meta.concrete_fields)
    }
    assert with_status == set(TABLES)


@pytest.mark.parametrize("table", sorted(TABLES))
def test_python_and_database_allow_the_same_moves(table: str) -> None:
    """Every pair of states, through the real trigger function on a table of one column."""
    machine = TABLES[table]
    states = [str(state) for state in machine.moves]
    db.run("CREATE TEMP TABLE walk (status text) ON COMMIT DROP")
    db.run(f"CREATE TRIGGER walked BEFORE INSERT OR UPDATE OF status ON walk FOR EACH ROW EXECUTE FUNCTION {table}_status_moves()")
    try_it = """
      CREATE FUNCTION pg_temp.try(sql text) RETURNS bool LANGUAGE plpgsql AS $f$
      BEGIN EXECUTE sql; RETURN true; EXCEPTION WHEN check_violation THEN RETURN false; END $f$
    """
    db.run(try_it)
    for born in states:
        assert db.one("SELECT pg_temp.try(format('INSERT INTO walk VALUES (%%L)', %s::text))", (born,))[0] == (born in machine.first), born
    for old in states:
        for new in states:
            db.run("ALTER TABLE walk DISABLE TRIGGER walked")
            db.run("DELETE FROM walk")
            db.run("INSERT INTO walk VALUES (%s)", (old,))
            db.run("ALTER TABLE walk ENABLE TRIGGER walked")
            moved = db.one("SELECT pg_temp.try(format('UPDATE walk SET status = %%L', %s::text))", (new,))[0]
            assert moved == (old == new or machine.allows(old, new)), f"{old} > {new}"
            assert db.one("SELECT status FROM walk")[0] == (new if moved else old)


def rights(table: str, role: str = "flowdesk_app") -> set[str]:
    return {
        right
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
        if db.one("SELECT has_table_privilege(%s, %s, %s)", (role, table, right))[0]
    }


def test_the_app_may_not_change_append_only_tables_nor_delete_history() -> None:
    tables = {m._meta.db_table: m for m in django_apps.get_models(include_auto_created=True) if m._meta.managed}
    append_only = {table for table, model in tables.items() if getattr(model, "append_only", False)}
    assert {"events_event", "ledger_ledgerline", "ledger_ledgertransaction", "trades_tradeversion"} <= append_only
    for table in tables:
        may = rights(table)
        assert may >= {"SELECT", "INSERT"}, table
        assert ("UPDATE" in may) == (table not in append_only), table
        assert ("DELETE" in may) == (table in DELETABLE), table
        assert "TRUNCATE" not in may, table
        assert rights(table, "flowdesk_read") == {"SELECT"}, table
    for table in append_only:
        triggers = {row[0] for row in db.run("SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled = 'O'", (table,))}
        assert {f"{table}_kept", f"{table}_kept_whole"} <= triggers, table


def test_the_restricted_roles_are_no_superusers_and_cannot_sign_in() -> None:
    rows = db.run("SELECT rolname, rolsuper, rolcanlogin, rolbypassrls, rolcreatedb FROM pg_roles WHERE rolname LIKE 'flowdesk\\_%%'")
    ours = {row[0]: row[1:] for row in rows if row[0] in {"flowdesk_app", "flowdesk_read"}}
    assert ours == {"flowdesk_app": (False,) * 4, "flowdesk_read": (False,) * 4}
    assert db.one("SELECT current_user")[0] == "flowdesk_app", "the tests run as the platform does"
