"""A posting is proven by one look at its lines, and its date is looked at once.

* A line is written in the database transaction that makes its header, which tells that none is added later without another look for lines.
  A header from before a restore may have the `xid` of a transaction of today, but was not written since that began (`age`).
* The trigger that kept a posting off a closed date gives it the next open one, so nobody has to ask for that before.
"""

from importlib import import_module

from django.db import migrations

from apps.core import db

_posting, _days = import_module("apps.ledger.migrations.0007_posting"), import_module("apps.ledger.migrations.0008_closed_days")


def _body(sql: str) -> str:
    """The function without its trigger, in place of the one that stands."""
    return sql.partition("CREATE TRIGGER")[0].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


# Subqueries, not joins, and one aggregate: what is looked up is found by index, and there is one plan to begin.
ZERO_SUM = """
CREATE OR REPLACE FUNCTION ledger_zero_sum() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE broken text;
BEGIN
  IF EXISTS (
    SELECT 1 FROM fresh f GROUP BY f.transaction_id, f.asset_code
    HAVING sum(f.amount) <> 0 OR bool_or(
      f.amount + CASE f.version
        WHEN 1 THEN 0
        ELSE (SELECT p.balance FROM ledger_ledgerline p WHERE p.account_id = f.account_id AND p.version = f.version - 1)
      END IS DISTINCT FROM f.balance
      OR ((SELECT a.entity_id FROM ledger_ledgeraccount a
           WHERE a.id = f.account_id AND a.asset_code = f.asset_code AND a.version >= f.version)
        = (SELECT t.entity_id FROM ledger_ledgertransaction t
           WHERE t.id = f.transaction_id AND t.xid = pg_current_xact_id()::text::bigint AND age(t.xmin) <= 0)) IS NOT TRUE)
  ) THEN
    broken := CASE
      WHEN EXISTS (SELECT 1 FROM fresh GROUP BY transaction_id, asset_code HAVING sum(amount) <> 0) THEN 'ledger_zero_sum'
      WHEN EXISTS (SELECT 1 FROM fresh f JOIN ledger_ledgertransaction t ON t.id = f.transaction_id
                   WHERE t.xid <> pg_current_xact_id()::text::bigint OR age(t.xmin) > 0) THEN 'ledger_added_later'
      ELSE 'ledger_running'
    END;
    RAISE EXCEPTION 'ledger: %', CASE broken
      WHEN 'ledger_zero_sum' THEN 'a transaction does not sum to zero per asset'
      WHEN 'ledger_added_later' THEN 'lines are never added to a transaction'
      ELSE 'a line has another asset, entity or running balance than its account, or no account or transaction'
    END USING ERRCODE = '23514', CONSTRAINT = broken;
  END IF;
  RETURN NULL;
END $body$;
"""
# The lock is a statement of its own, so what follows sees a close that it waited for.
CLOSED_DAY = """
CREATE OR REPLACE FUNCTION ledger_closed_day() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF pg_advisory_xact_lock_shared(ledger_day_key(NEW.entity_id, NEW.business_date)) IS NULL THEN
    RETURN NULL;
  ELSIF EXISTS (SELECT 1 FROM ledger_closedday WHERE entity_id = NEW.entity_id AND date = NEW.business_date) THEN
    NEW.business_date := ledger_open_date(NEW.entity_id, NEW.business_date);
  END IF;
  RETURN NEW;
END $body$;
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0009_frozen_where_named")]
    operations = db.walls(
        (ZERO_SUM, _body(_posting.WALL)),
        (CLOSED_DAY, _body(_days.CLOSED_DAY)),
        (_body(_posting.POST), _body(_days._ON_OPEN_DATE)),
    )
