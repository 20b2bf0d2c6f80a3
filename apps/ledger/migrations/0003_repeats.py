"""A posting key that comes again with other lines fails where it is posted, so that the posting can travel with its COMMIT."""

from django.db import migrations

from apps.core import db

# VOLATILE: its own snapshot also sees the transaction that the posting just waited for.
REPEATS = """
CREATE FUNCTION ledger_require_same(keys text[], hashes text[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $body$
DECLARE repeated text;
BEGIN
  SELECT t.key INTO repeated FROM ledger_ledgertransaction t JOIN unnest(keys, hashes) AS g(key, hash) ON g.key = t.key
  WHERE t.payload_hash <> g.hash LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'ledger: % was posted before with other lines', repeated USING ERRCODE = '23514', CONSTRAINT = 'ledger_repeats';
  END IF;
END $body$;
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_walls")]
    operations = db.walls((REPEATS, "DROP FUNCTION ledger_require_same(text[], text[]);"))
