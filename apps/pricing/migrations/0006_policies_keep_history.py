"""A policy never changes without the version that says so: what, who, when, agreed by whom."""

from django.db import migrations

from apps.core import db

AS_INSTALLED = """
INSERT INTO pricing_pairpolicyversion
  (id, pair_code, version, terms, reason, changed_by, changed_by_name, approval_id, approved_by_name, changed_at)
SELECT gen_random_uuid(), p.pair_code, p.version, to_jsonb(p), 'as installed', NULL, '', NULL, '', clock_timestamp() FROM pricing_pairpolicy p
"""
VERSIONED = """
CREATE FUNCTION pricing_policy_versioned() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF NEW.pair_code IS DISTINCT FROM OLD.pair_code OR NEW.version IS DISTINCT FROM OLD.version + 1 THEN
      RAISE EXCEPTION 'pricing: a policy changes by its next version' USING ERRCODE = '23514', CONSTRAINT = 'pricing_policy_versioned';
    END IF;
  ELSIF NEW.version <> 1 THEN
    RAISE EXCEPTION 'pricing: a policy begins with version 1' USING ERRCODE = '23514', CONSTRAINT = 'pricing_policy_versioned';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM pricing_pairpolicyversion v
                 WHERE v.pair_code = NEW.pair_code AND v.version = NEW.version AND v.terms = to_jsonb(NEW)) THEN
    RAISE EXCEPTION 'pricing: no version of % says what the policy is to be', NEW.pair_code
      USING ERRCODE = '23514', CONSTRAINT = 'pricing_policy_versioned';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER pricing_policy_versioned BEFORE INSERT OR UPDATE ON pricing_pairpolicy FOR EACH ROW EXECUTE FUNCTION pricing_policy_versioned();
"""
UNVERSIONED = "DROP TRIGGER pricing_policy_versioned ON pricing_pairpolicy; DROP FUNCTION pricing_policy_versioned();"


class Migration(migrations.Migration):
    dependencies = [("pricing", "0005_policy_versions")]
    operations = [
        migrations.RunSQL([AS_INSTALLED], migrations.RunSQL.noop),
        *db.walls(
            (VERSIONED, UNVERSIONED),
            db.append_only_sql("pricing_pairpolicyversion"),
            db.undeletable_sql("pricing_pairpolicy"),
            db.undeletable_sql("pricing_venue"),
        ),
    ]
