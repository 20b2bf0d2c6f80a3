"""No gap in a client's sequence, looked at row by row: each event follows the one before it, and its counter has counted it.

With the counter's own trigger (its last number is the number of an event) that is the rule of 0002, for a third of its cost.
"""

from importlib import import_module

from django.db import migrations

from apps.core import db

BEFORE = import_module("apps.events.migrations.0002_walls").GAPLESS
DROP = "DROP TRIGGER events_gapless ON events_event; DROP FUNCTION events_gapless();"
GAPLESS = """
CREATE FUNCTION events_gapless() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF (NEW.client_seq <> 1 AND NOT EXISTS (
        SELECT 1 FROM events_event WHERE client_id = NEW.client_id AND client_seq = NEW.client_seq - 1))
     OR NOT EXISTS (SELECT 1 FROM events_counter WHERE client_id = NEW.client_id AND last_seq >= NEW.client_seq) THEN
    RAISE EXCEPTION 'events: a client''s sequence would have a gap' USING ERRCODE = '23514', CONSTRAINT = 'events_gapless';
  END IF;
  RETURN NULL;
END $body$;
CREATE TRIGGER events_gapless AFTER INSERT ON events_event FOR EACH ROW WHEN (NEW.client_seq IS NOT NULL)
  EXECUTE FUNCTION events_gapless();
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0003_counter")]
    operations = db.walls((f"{DROP}{GAPLESS}", f"{DROP}{BEFORE}"))
