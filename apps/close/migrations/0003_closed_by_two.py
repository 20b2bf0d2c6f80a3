"""A closed day carries the one who started its close and the one who closed it."""

from django.db import migrations

from apps.core import db

BY_TWO = """
CREATE FUNCTION close_closed_by_two() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  RAISE EXCEPTION 'close: a day is closed by two' USING ERRCODE = '23514', CONSTRAINT = 'close_closed_by_two';
END $body$;
CREATE TRIGGER close_closed_by_two BEFORE UPDATE OF status, started_by, closed_by ON close_businessday FOR EACH ROW
  WHEN (NEW.status = 'CLOSED' AND (NEW.started_by IS NULL OR NEW.closed_by IS NULL)) EXECUTE FUNCTION close_closed_by_two();
"""


class Migration(migrations.Migration):
    dependencies = [("close", "0002_walls")]
    operations = db.walls((BY_TWO, "DROP TRIGGER close_closed_by_two ON close_businessday; DROP FUNCTION close_closed_by_two();"))
