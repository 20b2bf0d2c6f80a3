"""Walls of the webhooks: moves, what never changes, what only goes forward, and that no client's event goes to another client's endpoint."""

from django.db import migrations

from apps.core import db
from apps.notify.states import ENDPOINT, POST

_FORWARD = """
CREATE FUNCTION notify_endpoint_forward() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.last_seq < OLD.last_seq THEN
    RAISE EXCEPTION 'notify_endpoint: its place in the events only moves forward' USING ERRCODE = '23514', CONSTRAINT = 'notify_endpoint_forward';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER notify_endpoint_forward BEFORE UPDATE OF last_seq ON notify_endpoint FOR EACH ROW EXECUTE FUNCTION notify_endpoint_forward();
"""
_OWN = """
CREATE FUNCTION notify_post_own() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM notify_endpoint e JOIN events_event v ON v.client_id = e.client_id
                 WHERE e.id = NEW.endpoint_id AND v.id = NEW.event_id AND v.client_seq = NEW.seq AND v.subject_id = NEW.object_id) THEN
    RAISE EXCEPTION 'notify_post: not a public event of the endpoint''s own client' USING ERRCODE = '23514', CONSTRAINT = 'notify_post_own';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER notify_post_own BEFORE INSERT ON notify_post FOR EACH ROW EXECUTE FUNCTION notify_post_own();
"""
_COUNTS = """
CREATE FUNCTION notify_post_counts() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.attempts NOT IN (OLD.attempts, OLD.attempts + 1) THEN
    RAISE EXCEPTION 'notify_post: attempts are counted one by one' USING ERRCODE = '23514', CONSTRAINT = 'notify_post_counts';
  END IF;
  IF NEW.status = 'SENT' AND OLD.status <> 'SENT' AND NOT EXISTS (
      SELECT 1 FROM notify_attempt a WHERE a.post_id = NEW.id AND a.number = NEW.attempts AND a.error = '' AND a.status_code BETWEEN 200 AND 299) THEN
    RAISE EXCEPTION 'notify_post: sent without an attempt that was answered' USING ERRCODE = '23514', CONSTRAINT = 'notify_post_answered';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER notify_post_counts BEFORE UPDATE OF attempts, status ON notify_post FOR EACH ROW EXECUTE FUNCTION notify_post_counts();
"""
_BEGUN = """
CREATE FUNCTION notify_attempt_begun() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM notify_post p WHERE p.id = NEW.post_id AND NEW.number BETWEEN 1 AND p.attempts) THEN
    RAISE EXCEPTION 'notify_attempt: no such attempt was begun' USING ERRCODE = '23514', CONSTRAINT = 'notify_attempt_begun';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER notify_attempt_begun BEFORE INSERT ON notify_attempt FOR EACH ROW EXECUTE FUNCTION notify_attempt_begun();
"""
_ENDS = """
CREATE FUNCTION notify_signingkey_ends() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF OLD.expires_at IS NOT NULL AND (NEW.expires_at IS NULL OR NEW.expires_at > OLD.expires_at) THEN
    RAISE EXCEPTION 'notify_signingkey: an ended key does not come back' USING ERRCODE = '23514', CONSTRAINT = 'notify_signingkey_ends';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER notify_signingkey_ends BEFORE UPDATE OF expires_at ON notify_signingkey FOR EACH ROW EXECUTE FUNCTION notify_signingkey_ends();
"""


def _back(table: str, *names: str) -> str:
    return " ".join(f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();" for name in names)


class Migration(migrations.Migration):
    dependencies = [("notify", "0004_webhooks"), ("core", "0002_walls")]
    operations = db.walls(
        db.moves_sql("notify_endpoint", ENDPOINT),
        db.moves_sql("notify_post", POST),
        db.undeletable_sql("notify_endpoint"),
        db.undeletable_sql("notify_post"),
        db.undeletable_sql("notify_signingkey"),
        db.append_only_sql("notify_attempt"),
        db.frozen_columns_sql("notify_endpoint", ["client_id", "created_at", "created_by"]),
        db.frozen_columns_sql("notify_post", ["endpoint_id", "event_id", "seq", "object_id", "created_at"]),
        db.frozen_columns_sql("notify_signingkey", ["endpoint_id", "generation", "scheme", "sealed", "public_key", "created_at"]),
        (_FORWARD, _back("notify_endpoint", "notify_endpoint_forward")),
        (_OWN, _back("notify_post", "notify_post_own")),
        (_COUNTS, _back("notify_post", "notify_post_counts")),
        (_BEGUN, _back("notify_attempt", "notify_attempt_begun")),
        (_ENDS, _back("notify_signingkey", "notify_signingkey_ends")),
    )
