"""A closed day and a locked month take no posting; only two people open them again, and nobody but the close says what is closed."""

from django.db import migrations

from apps.close.states import MONTH
from apps.core import db

# A day that leaves CLOSED names the closing that is undone, in a row with its two people; not in a locked month.
REOPENED = """
CREATE FUNCTION close_reopened_by_two() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM close_reopening WHERE day_id = OLD.id AND closed_at = OLD.closed_at) THEN
    RAISE EXCEPTION 'close: a closed day is reopened by two' USING ERRCODE = '23514', CONSTRAINT = 'close_reopened_by_two';
  END IF;
  IF EXISTS (SELECT 1 FROM close_month
             WHERE entity_id = OLD.entity_id AND first = date_trunc('month', OLD.date)::date AND status = 'LOCKED') THEN
    RAISE EXCEPTION 'close: the month is locked' USING ERRCODE = '23514', CONSTRAINT = 'close_month_is_locked';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER close_reopened_by_two BEFORE UPDATE OF status ON close_businessday FOR EACH ROW
  WHEN (OLD.status = 'CLOSED' AND NEW.status <> 'CLOSED') EXECUTE FUNCTION close_reopened_by_two();
"""
MONTH_MOVES = """
CREATE FUNCTION close_month_by_two() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM close_monthmove WHERE month_id = NEW.id AND number = NEW.number AND status = NEW.status)
     OR NEW.number <> OLD.number + 1 THEN
    RAISE EXCEPTION 'close: a month is locked and unlocked by two' USING ERRCODE = '23514', CONSTRAINT = 'close_month_by_two';
  END IF;
  IF NEW.status = 'LOCKED' AND EXISTS (
    SELECT 1 FROM close_businessday WHERE entity_id = NEW.entity_id AND status <> 'CLOSED'
      AND date >= NEW.first AND date < NEW.first + interval '1 month') THEN
    RAISE EXCEPTION 'close: a day of the month is not closed' USING ERRCODE = '23514', CONSTRAINT = 'close_month_days_closed';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER close_month_by_two BEFORE UPDATE OF status, number ON close_month FOR EACH ROW
  WHEN (NEW.status <> OLD.status OR NEW.number <> OLD.number) EXECUTE FUNCTION close_month_by_two();
"""
# What the ledger refuses is what the close says, by the same statement; with the owner's rights: the application's role deletes nothing.
DAY_CLOSED = """
CREATE FUNCTION close_day_closed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $body$
BEGIN
  IF NEW.status = 'CLOSED' THEN
    PERFORM ledger_stop_day(NEW.entity_id, NEW.date);
    INSERT INTO ledger_closedday (id, entity_id, date) VALUES (gen_random_uuid(), NEW.entity_id, NEW.date) ON CONFLICT DO NOTHING;
  ELSIF OLD.status = 'CLOSED' THEN
    DELETE FROM ledger_closedday WHERE entity_id = NEW.entity_id AND date = NEW.date;
  END IF;
  RETURN NULL;
END $body$;
CREATE TRIGGER close_day_closed AFTER UPDATE OF status ON close_businessday FOR EACH ROW
  WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION close_day_closed();
"""
MONTH_LOCKED = """
CREATE FUNCTION close_month_locked() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $body$
BEGIN
  IF NEW.status = 'LOCKED' THEN
    PERFORM ledger_stop_day(NEW.entity_id, d::date)
    FROM generate_series(NEW.first, NEW.first + interval '1 month' - interval '1 day', interval '1 day') d;
    INSERT INTO ledger_closedday (id, entity_id, date)
    SELECT gen_random_uuid(), NEW.entity_id, d::date
    FROM generate_series(NEW.first, NEW.first + interval '1 month' - interval '1 day', interval '1 day') d ON CONFLICT DO NOTHING;
  ELSE
    DELETE FROM ledger_closedday c WHERE c.entity_id = NEW.entity_id AND c.date >= NEW.first AND c.date < NEW.first + interval '1 month'
      AND NOT EXISTS (SELECT 1 FROM close_businessday b WHERE b.entity_id = c.entity_id AND b.date = c.date AND b.status = 'CLOSED');
  END IF;
  RETURN NULL;
END $body$;
CREATE TRIGGER close_month_locked AFTER UPDATE OF status ON close_month FOR EACH ROW
  WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION close_month_locked();
"""
ONLY_THE_CLOSE = """
CREATE FUNCTION close_closes_days() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF pg_trigger_depth() < 2 THEN
    RAISE EXCEPTION 'close: only the close of a day or the lock of a month says what is closed'
      USING ERRCODE = '23514', CONSTRAINT = 'close_closes_days';
  END IF;
  RETURN NULL;
END $body$;
CREATE TRIGGER close_closes_days BEFORE INSERT OR UPDATE OR DELETE ON ledger_closedday FOR EACH STATEMENT
  EXECUTE FUNCTION close_closes_days();
"""
# Days that were closed before this came.
CLOSED_BEFORE = (
    "INSERT INTO ledger_closedday (id, entity_id, date) SELECT gen_random_uuid(), entity_id, date FROM close_businessday "
    "WHERE status = 'CLOSED' ON CONFLICT DO NOTHING"
)


def _gone(name: str, table: str) -> str:
    return f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();"


class Migration(migrations.Migration):
    dependencies = [("close", "0004_reopening"), ("ledger", "0008_closed_days")]
    operations = [
        migrations.RunSQL(CLOSED_BEFORE, "DELETE FROM ledger_closedday"),
        *db.walls(
            (REOPENED, _gone("close_reopened_by_two", "close_businessday")),
            (MONTH_MOVES, _gone("close_month_by_two", "close_month")),
            (DAY_CLOSED, _gone("close_day_closed", "close_businessday")),
            (MONTH_LOCKED, _gone("close_month_locked", "close_month")),
            (ONLY_THE_CLOSE, _gone("close_closes_days", "ledger_closedday")),
            db.moves_sql("close_month", MONTH),
            db.undeletable_sql("close_month"),
            db.frozen_columns_sql("close_month", ["entity_id", "first"]),
            db.frozen_columns_sql("close_businessday", ["entity_id", "date"]),
            db.append_only_sql("close_reopening"),
            db.append_only_sql("close_monthmove"),
        ),
    ]
