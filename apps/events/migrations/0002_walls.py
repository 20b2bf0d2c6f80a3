"""Events are never changed, and each client's sequence has no gap."""

from django.db import migrations

from apps.core import db

GAPLESS = """
CREATE FUNCTION events_gapless() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF EXISTS (
    SELECT 1 FROM (SELECT client_id, min(client_seq) AS low, max(client_seq) AS high, count(*) AS n
                   FROM fresh WHERE client_seq IS NOT NULL GROUP BY client_id) f
    LEFT JOIN events_counter c USING (client_id)
    WHERE c.last_seq IS DISTINCT FROM f.high OR f.high - f.low + 1 <> f.n
       OR (f.low > 1 AND NOT EXISTS (SELECT 1 FROM events_event e WHERE e.client_id = f.client_id AND e.client_seq = f.low - 1))
  ) THEN
    RAISE EXCEPTION 'events: a client''s sequence would have a gap' USING ERRCODE = '23514', CONSTRAINT = 'events_gapless';
  END IF;
  RETURN NULL;
END $body$;
CREATE TRIGGER events_gapless AFTER INSERT ON events_event REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION events_gapless();
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial"), ("core", "0002_walls")]
    operations = db.walls(
        (GAPLESS, "DROP TRIGGER events_gapless ON events_event; DROP FUNCTION events_gapless();"),
        db.append_only_sql("events_event"),
        db.undeletable_sql("events_counter"),
    )
