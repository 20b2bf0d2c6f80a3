"""No increase takes reserved + used past the line plus its excess; a line may be cut below its use."""

from django.db import migrations

from apps.core import db
from apps.credit.states import RESERVATION

LIMIT = """
CREATE FUNCTION credit_limit() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.reserved + NEW.used > OLD.reserved + OLD.used
     AND NEW.reserved + NEW.used > NEW.amount + (CASE WHEN NEW.excess_until > desk_now() THEN NEW.excess ELSE 0 END) THEN
    RAISE EXCEPTION 'credit: % reserved and % used are more than the line', NEW.reserved, NEW.used
      USING ERRCODE = '23514', CONSTRAINT = 'credit_limit';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER credit_limit BEFORE UPDATE OF reserved, used ON credit_line FOR EACH ROW EXECUTE FUNCTION credit_limit();
"""


class Migration(migrations.Migration):
    dependencies = [("credit", "0001_initial"), ("core", "0002_walls")]
    operations = db.walls(
        (LIMIT, "DROP TRIGGER credit_limit ON credit_line; DROP FUNCTION credit_limit();"),
        db.undeletable_sql("credit_line"),
        db.moves_sql("credit_reservation", RESERVATION),
        db.undeletable_sql("credit_reservation"),
        db.frozen_columns_sql("credit_reservation", ["line_id", "source_id", "account_id"]),
    )
