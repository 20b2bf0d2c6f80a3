"""What a report was issued as, its files and number, never changes: a correction is the next version."""

from django.db import migrations

from apps.core import db

ISSUED = """
CREATE FUNCTION reports_issued() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  RAISE EXCEPTION 'reports: what was issued never changes' USING ERRCODE = '23514', CONSTRAINT = 'reports_issued';
END $body$;
CREATE TRIGGER reports_issued BEFORE UPDATE ON reports_reportrun FOR EACH ROW
  WHEN (OLD.status = 'DONE' AND (NEW.files IS DISTINCT FROM OLD.files OR NEW.number IS DISTINCT FROM OLD.number
                                 OR NEW.done_at IS DISTINCT FROM OLD.done_at))
  EXECUTE FUNCTION reports_issued();
"""


class Migration(migrations.Migration):
    dependencies = [("reports", "0004_lease")]
    operations = db.walls((ISSUED, "DROP TRIGGER reports_issued ON reports_reportrun; DROP FUNCTION reports_issued();"))
