"""A closed business date takes no posting: what comes later goes to the next open date, with its effective time as it was."""

from importlib import import_module

from django.db import migrations, models

import apps.core.ids
from apps.core import db

_POST = import_module("apps.ledger.migrations.0007_posting").POST
_ON_OPEN_DATE = _POST.replace("effective, business, new_era)", "effective, ledger_open_date(entity, business), new_era)")
assert _ON_OPEN_DATE != _POST
# Who posts on a date shares it until the commit; who closes it has it alone. So a close sees every posting of its date, and none slips in
# behind it. Each statement of a VOLATILE function sees what was committed while the lock was waited for.
OPEN_DATE = """
CREATE FUNCTION ledger_day_key(entity uuid, wanted date) RETURNS bigint LANGUAGE sql IMMUTABLE AS $body$
  SELECT hashtextextended(entity::text, wanted - date '2000-01-01');
$body$;
CREATE FUNCTION ledger_open_date(entity uuid, wanted date) RETURNS date LANGUAGE plpgsql VOLATILE AS $body$
DECLARE found date := wanted;
BEGIN
  LOOP
    PERFORM pg_advisory_xact_lock_shared(ledger_day_key(entity, found));
    IF NOT EXISTS (SELECT 1 FROM ledger_closedday WHERE entity_id = entity AND date = found) THEN
      RETURN found;
    END IF;
    found := found + 1;
  END LOOP;
END $body$;
CREATE FUNCTION ledger_stop_day(entity uuid, wanted date) RETURNS void LANGUAGE plpgsql VOLATILE AS $body$
BEGIN
  PERFORM pg_advisory_xact_lock(ledger_day_key(entity, wanted));
END $body$;
"""
CLOSED_DAY = """
CREATE FUNCTION ledger_closed_day() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF ledger_open_date(NEW.entity_id, NEW.business_date) <> NEW.business_date THEN
    RAISE EXCEPTION 'ledger: % is closed', NEW.business_date USING ERRCODE = '23514', CONSTRAINT = 'ledger_closed_day';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER ledger_closed_day BEFORE INSERT ON ledger_ledgertransaction FOR EACH ROW EXECUTE FUNCTION ledger_closed_day();
"""


def _replace(sql: str) -> str:
    return sql.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


class Migration(migrations.Migration):
    dependencies = [("ledger", "0007_posting")]
    operations = [
        migrations.CreateModel(
            name="ClosedDay",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("entity_id", models.UUIDField()),
                ("date", models.DateField()),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("entity_id", "date"), name="closedday_once")]},
        ),
        *db.walls(
            (
                OPEN_DATE,
                "DROP FUNCTION ledger_stop_day(uuid, date); DROP FUNCTION ledger_open_date(uuid, date); "
                "DROP FUNCTION ledger_day_key(uuid, date);",
            ),
            (CLOSED_DAY, "DROP TRIGGER ledger_closed_day ON ledger_ledgertransaction; DROP FUNCTION ledger_closed_day();"),
            (_replace(_ON_OPEN_DATE), _replace(_POST)),
        ),
    ]
