"""A settlement instruction is its owner's, is never edited, is signed once, and is not active before it has cooled off."""

from django.db import migrations

from apps.core import db

_BEFORE = ["account_id", "rail_code", "asset_code", "holder", "address", "bic"]
HOLDER = """
CREATE FUNCTION clients_ssi_holder() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM clients_account a JOIN clients_counterparty c ON c.id = a.owner_id
                 WHERE a.id = NEW.account_id AND c.name = NEW.holder) THEN
    RAISE EXCEPTION 'clients_ssi: its holder is the owner of the account' USING ERRCODE = '23514', CONSTRAINT = 'clients_ssi_holder';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER clients_ssi_holder BEFORE INSERT ON clients_ssi FOR EACH ROW EXECUTE FUNCTION clients_ssi_holder();
"""
SIGNED_ONCE = """
CREATE FUNCTION clients_ssi_signed() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF (OLD.approved_by IS NOT NULL AND NEW.approved_by IS DISTINCT FROM OLD.approved_by)
     OR (OLD.verified_by IS NOT NULL AND (NEW.verified_by, NEW.checked_by, NEW.compliance_by, NEW.evidence_kind, NEW.evidence)
         IS DISTINCT FROM (OLD.verified_by, OLD.checked_by, OLD.compliance_by, OLD.evidence_kind, OLD.evidence))
     OR (OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at) THEN
    RAISE EXCEPTION 'clients_ssi: who signed it, on what evidence and when it ended is written once'
      USING ERRCODE = '23514', CONSTRAINT = 'clients_ssi_signed';
  END IF;
  IF NEW.cooling_until IS DISTINCT FROM OLD.cooling_until
     AND NOT (OLD.cooling_until IS NULL AND NEW.status = 'APPROVED'
              OR OLD.status = 'APPROVED' AND NEW.status = 'APPROVED' AND NEW.cooling_until < OLD.cooling_until) THEN
    RAISE EXCEPTION 'clients_ssi: it cools off from its approval on, and no longer than it was told to'
      USING ERRCODE = '23514', CONSTRAINT = 'clients_ssi_cooling';
  END IF;
  IF OLD.status = 'APPROVED' AND NEW.status = 'ACTIVE' AND NEW.proposed_by IS NOT NULL AND NEW.cooling_until > desk_now() THEN
    RAISE EXCEPTION 'clients_ssi: it cools off until %', NEW.cooling_until USING ERRCODE = '23514', CONSTRAINT = 'clients_ssi_cooling';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER clients_ssi_signed BEFORE UPDATE ON clients_ssi FOR EACH ROW EXECUTE FUNCTION clients_ssi_signed();
"""


class Migration(migrations.Migration):
    dependencies = [("clients", "0011_ssi_life")]
    operations = db.walls(
        db.refrozen_columns_sql("clients_ssi", [*_BEFORE, "self_hosted", "proposed_by", "valid_until", "created_at"], _BEFORE),
        (HOLDER, "DROP TRIGGER clients_ssi_holder ON clients_ssi; DROP FUNCTION clients_ssi_holder();"),
        (SIGNED_ONCE, "DROP TRIGGER clients_ssi_signed ON clients_ssi; DROP FUNCTION clients_ssi_signed();"),
        db.append_only_sql("clients_contactnumber"),
    )
