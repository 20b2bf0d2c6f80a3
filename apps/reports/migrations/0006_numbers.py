"""Numbers of documents move forward only."""

from django.db import migrations

from apps.core import db

FORWARD = """
CREATE FUNCTION reports_numbers_forward() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.last < OLD.last THEN
    RAISE EXCEPTION 'reports: a number that was given is not given again' USING ERRCODE = '23514', CONSTRAINT = 'reports_numbers_forward';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER reports_numbers_forward BEFORE UPDATE ON reports_documentcounter
  FOR EACH ROW EXECUTE FUNCTION reports_numbers_forward();
"""


class Migration(migrations.Migration):
    dependencies = [("reports", "0005_done_is_done")]
    operations = db.walls(
        (FORWARD, "DROP TRIGGER reports_numbers_forward ON reports_documentcounter; DROP FUNCTION reports_numbers_forward();")
    )
