"""A client's counter moves forward only, and only with the event that it counts."""

from django.db import migrations

from apps.core import db

COUNTS = """
CREATE FUNCTION events_counts() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.last_seq <= OLD.last_seq THEN
    RAISE EXCEPTION 'events: a counter moves forward' USING ERRCODE = '23514', CONSTRAINT = 'events_counts';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM events_event WHERE client_id = NEW.client_id AND client_seq = NEW.last_seq) THEN
    RAISE EXCEPTION 'events: a counter counts events' USING ERRCODE = '23514', CONSTRAINT = 'events_counts';
  END IF;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER events_counts AFTER INSERT OR UPDATE ON events_counter DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION events_counts();
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0002_walls")]
    operations = db.walls((COUNTS, "DROP TRIGGER events_counts ON events_counter; DROP FUNCTION events_counts();"))
