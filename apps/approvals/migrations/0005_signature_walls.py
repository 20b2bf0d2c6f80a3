"""What needs several signatures is approved with all of them, of different people, none of them the maker."""

from django.db import migrations

from apps.core import db

SIGNED = """
CREATE FUNCTION approvals_signed_by_another() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF EXISTS (SELECT 1 FROM approvals_approval a WHERE a.id = NEW.approval_id AND (a.maker_id = NEW.checker_id OR a.status <> 'REQUESTED')) THEN
    RAISE EXCEPTION 'approvals: nobody signs what they made, nor what is decided' USING ERRCODE = '23514', CONSTRAINT = 'signature_four_eyes';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER approvals_signed_by_another BEFORE INSERT ON approvals_signature FOR EACH ROW EXECUTE FUNCTION approvals_signed_by_another();
CREATE FUNCTION approvals_all_signed() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF (SELECT count(*) FROM approvals_signature s WHERE s.approval_id = NEW.id AND s.checker_id <> NEW.checker_id)
     < jsonb_array_length(NEW.slots) - 1 THEN
    RAISE EXCEPTION 'approvals: a signature is missing' USING ERRCODE = '23514', CONSTRAINT = 'approval_all_signed';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER approvals_all_signed BEFORE UPDATE OF status ON approvals_approval FOR EACH ROW
  WHEN (NEW.status = 'APPROVED') EXECUTE FUNCTION approvals_all_signed();
"""
FROZEN = ["kind", "subject_id", "subject_version", "payload", "payload_hash", "maker_id", "checker_roles"]


class Migration(migrations.Migration):
    dependencies = [("approvals", "0004_signatures"), ("core", "0002_walls")]
    operations = db.walls(
        db.append_only_sql("approvals_signature"),
        (
            SIGNED,
            "DROP TRIGGER approvals_signed_by_another ON approvals_signature; DROP FUNCTION approvals_signed_by_another();"
            "DROP TRIGGER approvals_all_signed ON approvals_approval; DROP FUNCTION approvals_all_signed();",
        ),
        db.refrozen_columns_sql("approvals_approval", [*FROZEN, "slots"], FROZEN),
    )
