"""Roles that must not meet in one person (domain.md, Who) are refused when they are granted."""

from django.db import migrations

from apps.core import db

ROLES = """
CREATE FUNCTION users_roles_apart() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE held text[];
BEGIN
  SELECT array_agg(g.name::text) INTO held FROM users_user_groups ug JOIN auth_group g ON g.id = ug.group_id WHERE ug.user_id = NEW.user_id;
  IF (held && ARRAY['sales', 'trader'] AND held && ARRAY['operations', 'finance', 'risk', 'compliance', 'admin'])
     OR (held && ARRAY['admin'] AND held && ARRAY['sales', 'trader', 'operations', 'finance', 'risk', 'compliance']) THEN
    RAISE EXCEPTION 'users: the roles % must not be held by one person', held USING ERRCODE = '23514', CONSTRAINT = 'users_roles_apart';
  END IF;
  RETURN NULL;
END $body$;
CREATE TRIGGER users_roles_apart AFTER INSERT OR UPDATE ON users_user_groups FOR EACH ROW EXECUTE FUNCTION users_roles_apart();
"""


class Migration(migrations.Migration):
    dependencies = [("users", "0001_initial"), ("core", "0002_walls")]
    operations = db.walls(
        (ROLES, "DROP TRIGGER users_roles_apart ON users_user_groups; DROP FUNCTION users_roles_apart();"),
        db.undeletable_sql("users_user"),
    )
