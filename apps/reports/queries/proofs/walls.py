"""The second wall stands: functions and triggers in the database are the ones that the code makes, and nobody may rewrite history."""

import re

from django.apps import apps
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import RunSQL

from apps.core import db

from .lines import Line, listed

_FUNCTION = re.compile(r"CREATE (?:OR REPLACE )?FUNCTION (\w+)\s*\(.*?\$body\$(.*?)\$body\$", re.DOTALL)
_TRIGGER = re.compile(r"CREATE (?:CONSTRAINT )?TRIGGER (\w+)\s+(BEFORE|AFTER)\s.*?\sON (\w+)\s.*?EXECUTE FUNCTION (\w+)\(", re.DOTALL)
_DROPPED = re.compile(r"DROP (FUNCTION|TRIGGER)(?: IF EXISTS)? (\w+)")


def declared() -> tuple[dict[str, str], dict[str, tuple[str, str, str]]]:
    """What the migrations make, the last word winning: bodies by function, (table, timing, function) by trigger.

    The bodies of moves come from the Machines as they are in the code now (core.db.moves_sql is called when a migration is read).
    """
    loader = MigrationLoader(None, ignore_no_migrations=True)
    functions: dict[str, str] = {}
    triggers: dict[str, tuple[str, str, str]] = {}
    seen: set[tuple[str, str]] = set()
    for leaf in loader.graph.leaf_nodes():
        for key in loader.graph.forwards_plan(leaf):
            if key in seen:
                continue
            seen.add(key)
            for operation in loader.graph.nodes[key].operations:
                if isinstance(operation, RunSQL):
                    _read(operation.sql, functions, triggers)
    return functions, triggers


def _read(sql: object, functions: dict[str, str], triggers: dict[str, tuple[str, str, str]]) -> None:
    for text in [sql] if isinstance(sql, str) else list(sql) if isinstance(sql, list | tuple) else []:
        if not isinstance(text, str):
            continue
        for kind, name in _DROPPED.findall(text):
            (functions if kind == "FUNCTION" else triggers).pop(name, None)
        functions.update(dict(_FUNCTION.findall(text)))
        triggers.update({name: (table, timing, function) for name, timing, table, function in _TRIGGER.findall(text)})


def _functions() -> tuple[int, list[str]]:
    wanted, _ = declared()
    there: dict[str, str] = dict(
        db.run("SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname = ANY (%s)", (list(wanted),))
    )
    missing = [f"function {name} is missing" for name in sorted(wanted.keys() - there.keys())]
    return listed(missing + [f"function {name} is not what the code says" for name in sorted(there) if there[name] != wanted[name]])


def _triggers() -> tuple[int, list[str]]:
    _, wanted = declared()
    rows = db.run(
        "SELECT t.tgname, c.relname, CASE WHEN t.tgtype::int & 2 = 2 THEN 'BEFORE' ELSE 'AFTER' END, p.proname, t.tgenabled "
        "FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid "
        "WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace"
    )
    there = {row[0]: row[1:] for row in rows}
    found = []
    for name, what in sorted(wanted.items()):
        if name not in there:
            found.append(f"trigger {name} on {what[0]} is missing")
        elif there[name][:3] != what:
            found.append(f"trigger {name} on {what[0]} is not what the code says")
        elif there[name][3] not in {"O", "A"}:
            found.append(f"trigger {name} on {what[0]} is switched off")
    return listed(found)


_RIGHTS = """
SELECT c.relname, coalesce(nullif(pg_get_userbyid(a.grantee), 'unknown (OID=0)'), 'PUBLIC'), string_agg(DISTINCT a.privilege_type, ', ')
FROM pg_class c LEFT JOIN pg_attribute t ON t.attrelid = c.oid AND t.attacl IS NOT NULL
CROSS JOIN LATERAL (SELECT * FROM aclexplode(c.relacl) UNION ALL SELECT * FROM aclexplode(t.attacl)) a
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.grantee <> c.relowner
  AND (a.privilege_type = 'TRUNCATE' OR (c.relname = ANY (%s) AND a.privilege_type IN ('UPDATE', 'DELETE')))
GROUP BY 1, 2 ORDER BY 1, 2
"""


def _rights() -> tuple[int, list[str]]:
    kept = [model._meta.db_table for model in apps.get_models() if getattr(model, "append_only", False)]
    return listed([f"{role} has {rights} on {table}" for table, role, rights in db.run(_RIGHTS, (kept,))])


LINES = (
    Line("machines_in_the_database", "State machines and walls: every function is the one the code makes", _functions),
    Line("triggers_stand", "Every trigger of the code is there and switched on", _triggers),
    Line("history_is_read_only", "No role but the owner may change or delete rows of append-only tables, or truncate any", _rights),
)
