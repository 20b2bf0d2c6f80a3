"""Who decided, and when, is written once."""

from django.db import migrations

from apps.core import db

ONCE = """
CREATE FUNCTION approvals_decided_once() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF OLD.checker_id IS NOT NULL
     AND (NEW.checker_id, NEW.checker_name, NEW.decided_at) IS DISTINCT FROM (OLD.checker_id, OLD.checker_name, OLD.decided_at) THEN
    RAISE EXCEPTION 'approvals: who decided is written once' USING ERRCODE = '23514', CONSTRAINT = 'approvals_decided_once';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER approvals_decided_once BEFORE UPDATE ON approvals_approval FOR EACH ROW EXECUTE FUNCTION approvals_decided_once();
"""


class Migration(migrations.Migration):
    dependencies = [("approvals", "0002_walls")]
    operations = db.walls((ONCE, "DROP TRIGGER approvals_decided_once ON approvals_approval; DROP FUNCTION approvals_decided_once();"))
