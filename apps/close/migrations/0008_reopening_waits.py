"""A day opens in a month, or opens again, only when nobody locks that month at the same moment: who reopens holds the month's row."""

from importlib import import_module

from django.db import migrations

from apps.core import db

_BEFORE = import_module("apps.close.migrations.0005_closed_walls").REOPENED.partition("CREATE TRIGGER")[0]
_HELD = """  PERFORM 1 FROM close_month WHERE entity_id = {row}.entity_id AND first = date_trunc('month', {row}.date)::date FOR SHARE;
"""
_REFUSED = "  IF EXISTS (SELECT 1 FROM close_month\n"
# What was locked while the row was waited for is seen by the statement after it.
_AFTER = _BEFORE.replace(_REFUSED, _HELD.format(row="OLD") + _REFUSED)
assert _AFTER != _BEFORE
OPENED = f"""
CREATE FUNCTION close_opened_in_month() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
{_HELD.format(row="NEW").rstrip()}
  IF EXISTS (SELECT 1 FROM close_month
             WHERE entity_id = NEW.entity_id AND first = date_trunc('month', NEW.date)::date AND status = 'LOCKED') THEN
    RAISE EXCEPTION 'close: the month is locked' USING ERRCODE = '23514', CONSTRAINT = 'close_month_is_locked';
  END IF;
  RETURN NULL;
END $body$;
CREATE TRIGGER close_opened_in_month AFTER INSERT ON close_businessday FOR EACH ROW
  WHEN (NEW.status <> 'CLOSED') EXECUTE FUNCTION close_opened_in_month();
"""  # noqa: S608 - every part is written here


def _replace(sql: str) -> str:
    return sql.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


class Migration(migrations.Migration):
    dependencies = [("close", "0007_break_walls")]
    operations = db.walls(
        (_replace(_AFTER), _replace(_BEFORE)),
        (OPENED, "DROP TRIGGER close_opened_in_month ON close_businessday; DROP FUNCTION close_opened_in_month();"),
    )
