"""Where we pay an LP or venue is proven by two: verified and checked after it was named, or signed with the taking on, word for word.

Looked at with the commit, when the request that takes an LP on is EXECUTED.
"""

from django.db import migrations

from apps.core import db

BY_TWO = """
CREATE FUNCTION clients_ssi_of_lp_by_two() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE owner record; now_is record;
BEGIN
  SELECT c.code, c.roles INTO owner FROM clients_account a JOIN clients_counterparty c ON c.id = a.owner_id WHERE a.id = NEW.account_id;
  SELECT verified_by, checked_by, evidence_kind INTO now_is FROM clients_ssi WHERE id = NEW.id;
  IF NOT (owner.roles && ARRAY['LP', 'VENUE']::varchar[]) OR 'CLIENT' = ANY (owner.roles)
     OR now_is.verified_by IS NOT NULL AND now_is.checked_by IS NOT NULL AND now_is.evidence_kind <> ''
     OR EXISTS (SELECT 1 FROM approvals_approval p
                WHERE p.kind = 'lp' AND p.status = 'EXECUTED' AND p.checker_id <> p.maker_id AND p.payload->>'code' = owner.code
                  AND p.payload->'places'->NEW.asset_code->>'address' = NEW.address
                  AND p.payload->'places'->NEW.asset_code->>'rail' = NEW.rail_code) THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'clients_ssi: two prove where % is paid', owner.code USING ERRCODE = '23514', CONSTRAINT = 'clients_ssi_of_lp_by_two';
END $body$;
CREATE CONSTRAINT TRIGGER clients_ssi_of_lp_by_two AFTER UPDATE OF status ON clients_ssi DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.status = 'APPROVED' AND OLD.status <> 'APPROVED' AND NEW.proposed_by IS NULL AND NEW.entered_by IS NULL)
  EXECUTE FUNCTION clients_ssi_of_lp_by_two();
"""


class Migration(migrations.Migration):
    dependencies = [("clients", "0017_ssi_on_word"), ("approvals", "0001_initial")]
    operations = db.walls((BY_TWO, "DROP TRIGGER clients_ssi_of_lp_by_two ON clients_ssi; DROP FUNCTION clients_ssi_of_lp_by_two();"))
