"""Who enters and leaves a net set is looked at once a statement, not once a row: a set of 500 adds its legs up once."""

from importlib import import_module

from django.db import migrations

from apps.core import db

_BEFORE = (
    import_module("apps.settlement.migrations.0002_walls").MEMBERS,
    import_module("apps.settlement.migrations.0005_set_stays").LEAVES,
)
# Two obligations that cancel each other change no sum: who leaves is looked at, not only what is left.
MEMBERS = """
DROP TRIGGER settlement_leaves ON settlement_obligation; DROP FUNCTION settlement_leaves();
DROP TRIGGER settlement_members ON settlement_obligation; DROP FUNCTION settlement_members();
CREATE FUNCTION settlement_members() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF EXISTS (
    SELECT 1 FROM (SELECT net_leg_id, id FROM gone WHERE net_leg_id IS NOT NULL EXCEPT SELECT net_leg_id, id FROM come) x
    JOIN settlement_netleg l ON l.id = x.net_leg_id JOIN settlement_netset s ON s.id = l.net_set_id WHERE s.status <> 'ABORTED'
  ) THEN
    RAISE EXCEPTION 'settlement: a frozen net set keeps its members' USING ERRCODE = '23514', CONSTRAINT = 'settlement_leaves';
  END IF;
  IF EXISTS (
    SELECT 1 FROM (SELECT DISTINCT net_leg_id FROM (
      SELECT net_leg_id, id FROM come WHERE net_leg_id IS NOT NULL EXCEPT SELECT net_leg_id, id FROM gone) fresh) x
    JOIN settlement_netleg l ON l.id = x.net_leg_id JOIN settlement_netset s ON s.id = l.net_set_id
    WHERE s.status <> 'ABORTED' AND (CASE l.direction WHEN 'PAY' THEN l.amount ELSE -l.amount END)
      <> (SELECT coalesce(sum(CASE o.direction WHEN 'PAY' THEN o.amount ELSE -o.amount END), 0)
          FROM settlement_obligation o WHERE o.net_leg_id = l.id)
  ) THEN
    RAISE EXCEPTION 'settlement: a frozen net set keeps its members' USING ERRCODE = '23514', CONSTRAINT = 'settlement_members';
  END IF;
  RETURN NULL;
END $body$;
CREATE TRIGGER settlement_members AFTER UPDATE ON settlement_obligation REFERENCING OLD TABLE AS gone NEW TABLE AS come
  FOR EACH STATEMENT EXECUTE FUNCTION settlement_members();
"""
_BACK = "DROP TRIGGER settlement_members ON settlement_obligation; DROP FUNCTION settlement_members();"


class Migration(migrations.Migration):
    dependencies = [("settlement", "0019_matching_walls")]
    operations = db.walls((MEMBERS, _BACK + "".join(_BEFORE)))
