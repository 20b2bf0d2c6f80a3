"""A new line of somebody who is with us already needs two people too: only a client still being onboarded gets its first one without."""

from django.db import migrations

from apps.core import db

_NEW = "('PROSPECT', 'ONBOARDING')"
FIRST = f"""
CREATE FUNCTION credit_first_grant_by_two() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE g credit_grant;
BEGIN
  SELECT * INTO g FROM credit_grant WHERE line_id = NEW.id AND number = NEW.grant_number;
  IF g.approval_id IS NULL THEN
    IF EXISTS (SELECT 1 FROM clients_counterparty c
               WHERE (c.id = NEW.subject_id OR c.group_id = NEW.subject_id) AND c.status NOT IN {_NEW})
       OR EXISTS (SELECT 1 FROM clients_account a JOIN clients_counterparty c ON c.id = a.owner_id
                  WHERE a.id = NEW.subject_id AND (a.status NOT IN {_NEW} OR c.status NOT IN {_NEW})) THEN
      RAISE EXCEPTION 'credit: a line of one who is with us is granted by two people'
        USING ERRCODE = '23514', CONSTRAINT = 'credit_first_grant_by_two';
    END IF;
  ELSIF NOT EXISTS (SELECT 1 FROM approvals_approval a WHERE a.id = g.approval_id AND a.payload->>'subject_id' = NEW.subject_id::text
      AND a.payload->>'level' = NEW.level AND a.payload->>'measure' = NEW.measure) THEN
    RAISE EXCEPTION 'credit: two people decided about another line' USING ERRCODE = '23514', CONSTRAINT = 'credit_first_grant_by_two';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER credit_first_grant_by_two BEFORE INSERT ON credit_line FOR EACH ROW EXECUTE FUNCTION credit_first_grant_by_two();
"""  # noqa: S608 - both parts are written here
GONE = "DROP TRIGGER credit_first_grant_by_two ON credit_line; DROP FUNCTION credit_first_grant_by_two();"


class Migration(migrations.Migration):
    dependencies = [("credit", "0009_lean_indexes"), ("clients", "0001_initial"), ("approvals", "0003_decided_once")]
    operations = db.walls((FIRST, GONE))
