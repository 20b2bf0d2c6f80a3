"""A line is born unused, and what was reserved is not rewritten."""

from django.db import migrations

from apps.core import db

BORN = """
CREATE FUNCTION credit_born_empty() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.reserved <> 0 OR NEW.used <> 0 THEN
    RAISE EXCEPTION 'credit: a line is born unused' USING ERRCODE = '23514', CONSTRAINT = 'credit_born_empty';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER credit_born_empty BEFORE INSERT ON credit_line FOR EACH ROW EXECUTE FUNCTION credit_born_empty();
"""
AMOUNT = """
CREATE FUNCTION credit_amount_stays() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.amount <> OLD.amount THEN
    RAISE EXCEPTION 'credit: what was reserved is not rewritten' USING ERRCODE = '23514', CONSTRAINT = 'credit_amount_stays';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER credit_amount_stays BEFORE UPDATE OF amount ON credit_reservation FOR EACH ROW EXECUTE FUNCTION credit_amount_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("credit", "0003_expired_line")]
    operations = db.walls(
        (BORN, "DROP TRIGGER credit_born_empty ON credit_line; DROP FUNCTION credit_born_empty();"),
        (AMOUNT, "DROP TRIGGER credit_amount_stays ON credit_reservation; DROP FUNCTION credit_amount_stays();"),
    )
