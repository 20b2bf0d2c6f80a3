"""A line past its date is zero for new deals by the database too; what is taken of it may still be accepted, released and closed."""

from django.db import migrations

from apps.core import db

_BODY = """
CREATE OR REPLACE FUNCTION credit_limit() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.reserved + NEW.used > OLD.reserved + OLD.used
     AND NEW.reserved + NEW.used > {limit} THEN
    RAISE EXCEPTION 'credit: % reserved and % used are more than the line', NEW.reserved, NEW.used
      USING ERRCODE = '23514', CONSTRAINT = 'credit_limit';
  END IF;
  RETURN NEW;
END $body$;
"""
_LINE = "NEW.amount + (CASE WHEN NEW.excess_until > desk_now() THEN NEW.excess ELSE 0 END)"
BEFORE = _BODY.format(limit=_LINE)
AFTER = _BODY.format(limit=f"(CASE WHEN NEW.valid_until > desk_now() THEN {_LINE} ELSE 0 END)")


class Migration(migrations.Migration):
    dependencies = [("credit", "0002_walls")]
    operations = db.walls((AFTER, BEFORE))
