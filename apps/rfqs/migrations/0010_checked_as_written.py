"""What a request's rows point at is looked for as they are written, while its answer is made, and not at COMMIT, under the last locks."""

from django.db import migrations

FORWARD, BACK = (
    f"""
DO $$
DECLARE one record;
BEGIN
  FOR one IN SELECT conrelid::regclass AS name, conname FROM pg_constraint
    WHERE contype = 'f' AND conrelid IN ('rfqs_rfq'::regclass, 'rfqs_quote'::regclass, 'credit_reservation'::regclass, 'credit_lineday'::regclass)
  LOOP
    EXECUTE format('ALTER TABLE %s ALTER CONSTRAINT %I DEFERRABLE INITIALLY {when}', one.name, one.conname);
  END LOOP;
END $$
"""  # noqa: S608
    for when in ("IMMEDIATE", "DEFERRED")
)


class Migration(migrations.Migration):
    dependencies = [("rfqs", "0009_lean_indexes"), ("credit", "0010_first_grant_by_two")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
