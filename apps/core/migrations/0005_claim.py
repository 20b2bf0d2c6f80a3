"""The claim of an idempotency key fails by itself, so that what travels behind it is not done for a request that is running already."""

from django.db import migrations

CLAIM = """
CREATE FUNCTION core_claim(key bigint) RETURNS void LANGUAGE plpgsql AS $body$
BEGIN
  IF NOT pg_try_advisory_xact_lock(key) THEN
    RAISE EXCEPTION 'a request with this idempotency key is running' USING ERRCODE = '23505', CONSTRAINT = 'idempotency_in_progress';
  END IF;
END $body$;
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0004_whole_in_the_row")]
    operations = [migrations.RunSQL([CLAIM], ["DROP FUNCTION core_claim(bigint)"])]
