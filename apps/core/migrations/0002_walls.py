"""The two restricted roles, the desk clock, and the function that refuses to change history."""

from django.db import migrations

from apps.core import db

ROLES = """
DO $body$
DECLARE wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['flowdesk_app', 'flowdesk_read'] LOOP
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = wanted) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
    END IF;
    IF NOT pg_has_role(session_user, wanted, 'SET') THEN
      EXECUTE format('GRANT %I TO %I WITH INHERIT FALSE, SET TRUE', wanted, session_user);
    END IF;
  END LOOP;
END $body$;
"""

REFUSE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  RAISE EXCEPTION '%: % is refused, its rows are kept', TG_TABLE_NAME, TG_OP USING ERRCODE = '23514', CONSTRAINT = TG_TABLE_NAME || '_kept';
END $body$;
"""

# VOLATILE and clock_timestamp(): each statement that asks gets the moment at which it asks.
CLOCK = """
CREATE FUNCTION desk_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS $body$
  SELECT coalesce((SELECT coalesce(frozen_at, clock_timestamp() + offset_by) FROM core_deskclock WHERE id = 1), clock_timestamp())
$body$;
CREATE FUNCTION core_deskclock_forward() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF coalesce(NEW.frozen_at, clock_timestamp() + NEW.offset_by) < coalesce(OLD.frozen_at, clock_timestamp() + OLD.offset_by) - interval '1 second' THEN
    RAISE EXCEPTION 'the desk clock only moves forward' USING ERRCODE = '23514', CONSTRAINT = 'core_deskclock_forward';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER core_deskclock_forward BEFORE UPDATE ON core_deskclock FOR EACH ROW EXECUTE FUNCTION core_deskclock_forward();
"""
UNCLOCK = """
DROP TRIGGER core_deskclock_forward ON core_deskclock;
DROP FUNCTION core_deskclock_forward();
DROP FUNCTION desk_now();
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]
    operations = [
        migrations.RunSQL([ROLES], migrations.RunSQL.noop),
        *db.walls(
            (REFUSE, "DROP FUNCTION refuse_change()"),
            (CLOCK, UNCLOCK),
            db.undeletable_sql("core_deskclock"),
            db.frozen_columns_sql("core_storedanswer", ["scope_id", "key", "request_hash", "status", "body"]),
        ),
    ]
