"""Approved marks carry who proposed and who approved them."""

from django.db import migrations

from apps.core import db

BY_TWO = """
CREATE FUNCTION pricing_marks_by_two() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  RAISE EXCEPTION 'pricing: marks are approved by a second person' USING ERRCODE = '23514', CONSTRAINT = 'pricing_marks_by_two';
END $body$;
CREATE TRIGGER pricing_marks_by_two BEFORE UPDATE OF status, proposed_by, approved_by ON pricing_markset FOR EACH ROW
  WHEN (NEW.status = 'APPROVED' AND (NEW.proposed_by IS NULL OR NEW.approved_by IS NULL)) EXECUTE FUNCTION pricing_marks_by_two();
"""


class Migration(migrations.Migration):
    dependencies = [("pricing", "0002_walls")]
    operations = db.walls((BY_TWO, "DROP TRIGGER pricing_marks_by_two ON pricing_markset; DROP FUNCTION pricing_marks_by_two();"))
