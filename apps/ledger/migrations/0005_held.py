"""What an account says is held is the sum of its pending holds, at every commit."""

from django.db import migrations

from apps.core import db

HELD = """
CREATE FUNCTION ledger_held() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE wanted uuid;
BEGIN
  IF TG_TABLE_NAME = 'ledger_hold' THEN
    wanted := NEW.account_id;
  ELSE
    wanted := NEW.id;
  END IF;
  IF (SELECT held FROM ledger_ledgeraccount WHERE id = wanted)
     <> (SELECT coalesce(sum(amount), 0) FROM ledger_hold WHERE account_id = wanted AND status = 'PENDING') THEN
    RAISE EXCEPTION 'ledger: what is held is the sum of the pending holds' USING ERRCODE = '23514', CONSTRAINT = 'ledger_held';
  END IF;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER ledger_held AFTER UPDATE OF held ON ledger_ledgeraccount DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION ledger_held();
CREATE CONSTRAINT TRIGGER ledger_hold_held AFTER INSERT OR UPDATE OF status ON ledger_hold DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION ledger_held();
"""
UNHELD = """
DROP TRIGGER ledger_held ON ledger_ledgeraccount;
DROP TRIGGER ledger_hold_held ON ledger_hold;
DROP FUNCTION ledger_held();
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0004_last_balance")]
    operations = db.walls((HELD, UNHELD))
