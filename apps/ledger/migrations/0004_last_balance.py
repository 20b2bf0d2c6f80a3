"""A balance is the running balance of its last line, not of any: it cannot be set back to what it once was."""

from django.db import migrations

from apps.core import db

_BODY = """
CREATE OR REPLACE FUNCTION ledger_balance() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.amount <> 0 OR NEW.version <> 0 OR NEW.held <> 0 THEN
      RAISE EXCEPTION 'ledger: an account is born at zero' USING ERRCODE = '23514', CONSTRAINT = 'ledger_balance';
    END IF;
  ELSIF (NEW.amount <> OLD.amount OR NEW.version <> OLD.version)
     AND {wrong} THEN
    RAISE EXCEPTION 'ledger: a balance is the last running balance of its lines' USING ERRCODE = '23514', CONSTRAINT = 'ledger_balance';
  END IF;
  RETURN NULL;
END $body$;
"""
_NO_LINE = "NOT EXISTS (SELECT 1 FROM ledger_ledgerline WHERE account_id = NEW.id AND version = NEW.version AND balance = NEW.amount)"
BEFORE = _BODY.format(wrong=_NO_LINE)
AFTER = _BODY.format(wrong=f"(NEW.version <= OLD.version OR {_NO_LINE})")


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_repeats")]
    operations = db.walls((AFTER, BEFORE))
