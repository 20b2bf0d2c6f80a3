"""A frozen net set keeps its members and its legs to the letter: nothing leaves unless it is aborted, nothing is born into it unsummed."""

from django.db import migrations

from apps.core import db

# Two obligations that cancel each other change no sum: who leaves is looked at, not only what is left.
LEAVES = """
CREATE FUNCTION settlement_leaves() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF EXISTS (SELECT 1 FROM settlement_netleg l JOIN settlement_netset s ON s.id = l.net_set_id
             WHERE l.id = OLD.net_leg_id AND s.status <> 'ABORTED') THEN
    RAISE EXCEPTION 'settlement: a frozen net set keeps its members' USING ERRCODE = '23514', CONSTRAINT = 'settlement_leaves';
  END IF;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER settlement_leaves AFTER UPDATE OF net_leg_id ON settlement_obligation DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (OLD.net_leg_id IS NOT NULL AND OLD.net_leg_id IS DISTINCT FROM NEW.net_leg_id) EXECUTE FUNCTION settlement_leaves();
"""
BORN_FREE = """
CREATE FUNCTION settlement_born_free() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  RAISE EXCEPTION 'settlement: an obligation is born in no net set' USING ERRCODE = '23514', CONSTRAINT = 'settlement_born_free';
END $body$;
CREATE TRIGGER settlement_born_free BEFORE INSERT ON settlement_obligation FOR EACH ROW
  WHEN (NEW.net_leg_id IS NOT NULL) EXECUTE FUNCTION settlement_born_free();
"""
LEG_HAS_MEMBERS = """
CREATE FUNCTION settlement_leg_has_members() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM settlement_obligation WHERE net_leg_id = NEW.id)
     AND EXISTS (SELECT 1 FROM settlement_netset WHERE id = NEW.net_set_id AND status <> 'ABORTED') THEN
    RAISE EXCEPTION 'settlement: a net leg without members' USING ERRCODE = '23514', CONSTRAINT = 'settlement_leg_has_members';
  END IF;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER settlement_leg_has_members AFTER INSERT ON settlement_netleg DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION settlement_leg_has_members();
"""
# What has left our hands carries the names of the two who let it go.
RELEASED = """
CREATE FUNCTION settlement_released_by_two() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  RAISE EXCEPTION 'settlement: a payment is released by two' USING ERRCODE = '23514', CONSTRAINT = 'settlement_released_by_two';
END $body$;
CREATE TRIGGER settlement_released_by_two BEFORE UPDATE OF status, made_by, released_by ON settlement_instruction FOR EACH ROW
  WHEN (NEW.direction = 'PAY' AND (NEW.made_by IS NULL OR NEW.released_by IS NULL)
        AND NEW.status IN ('RELEASED', 'SENDING', 'UNKNOWN', 'SENT', 'SETTLED', 'RETURNED'))
  EXECUTE FUNCTION settlement_released_by_two();
"""
WITHDRAWAL = """
CREATE FUNCTION settlement_withdrawn_by_two() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  RAISE EXCEPTION 'settlement: a withdrawal is approved by a second member'
    USING ERRCODE = '23514', CONSTRAINT = 'settlement_withdrawn_by_two';
END $body$;
CREATE TRIGGER settlement_withdrawn_by_two BEFORE UPDATE OF status, approved_by ON settlement_withdrawal FOR EACH ROW
  WHEN (NEW.approved_by IS NULL AND NEW.status IN ('CLIENT_APPROVED', 'HELD', 'INSTRUCTED', 'SETTLED'))
  EXECUTE FUNCTION settlement_withdrawn_by_two();
"""


def _drop(name: str, table: str) -> str:
    return f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();"


class Migration(migrations.Migration):
    dependencies = [("settlement", "0004_settling_walls")]
    operations = db.walls(
        (LEAVES, _drop("settlement_leaves", "settlement_obligation")),
        (BORN_FREE, _drop("settlement_born_free", "settlement_obligation")),
        (LEG_HAS_MEMBERS, _drop("settlement_leg_has_members", "settlement_netleg")),
        (RELEASED, _drop("settlement_released_by_two", "settlement_instruction")),
        (WITHDRAWAL, _drop("settlement_withdrawn_by_two", "settlement_withdrawal")),
    )
