"""A posting costs less and proves the same: one function for a single one, walls that look at what was written once a statement.

* All lines of a statement are looked at together, by index alone; that their accounts and transactions exist is part of it, in place of two
  foreign keys a line.
* `era` and `xid` are a transaction's place in commit order, for the seals.
* Every account is on one side of the position identity: with zero sums per asset and entity it holds at every commit.
"""

from importlib import import_module

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

from apps.core import db

_BEFORE = import_module("apps.ledger.migrations.0002_walls").ZERO_SUM
_DROP = "DROP TRIGGER ledger_zero_sum ON ledger_ledgerline; DROP FUNCTION ledger_zero_sum();"
# Subqueries, not joins: what is looked up is found by index, however the planner thinks of the sizes.
WALL = """
CREATE FUNCTION ledger_zero_sum() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE broken text;
BEGIN
  broken := CASE
    WHEN EXISTS (SELECT 1 FROM fresh GROUP BY transaction_id, asset_code HAVING sum(amount) <> 0) THEN 'ledger_zero_sum'
    WHEN EXISTS (
      SELECT 1 FROM fresh f GROUP BY f.transaction_id
      HAVING count(*) <> (SELECT count(*) FROM ledger_ledgerline l WHERE l.transaction_id = f.transaction_id)) THEN 'ledger_added_later'
    WHEN EXISTS (
      SELECT 1 FROM (
        SELECT *, lag(version) OVER w AS last_version, lag(balance) OVER w AS last_balance FROM fresh
        WINDOW w AS (PARTITION BY account_id ORDER BY version)) f
      WHERE CASE
          WHEN f.last_version IS NOT NULL THEN f.last_version <> f.version - 1 OR f.last_balance + f.amount <> f.balance
          WHEN f.version = 1 THEN f.balance <> f.amount
          ELSE (SELECT p.balance FROM ledger_ledgerline p WHERE p.account_id = f.account_id AND p.version = f.version - 1) + f.amount
            IS DISTINCT FROM f.balance
        END
        OR ((SELECT a.entity_id FROM ledger_ledgeraccount a
             WHERE a.id = f.account_id AND a.asset_code = f.asset_code AND a.version >= f.version)
          = (SELECT t.entity_id FROM ledger_ledgertransaction t WHERE t.id = f.transaction_id)) IS NOT TRUE
    ) THEN 'ledger_running'
  END;
  IF broken IS NOT NULL THEN
    RAISE EXCEPTION 'ledger: %', CASE broken
      WHEN 'ledger_zero_sum' THEN 'a transaction does not sum to zero per asset'
      WHEN 'ledger_added_later' THEN 'lines are never added to a transaction'
      ELSE 'a line has another asset, entity or running balance than its account, or no account or transaction'
    END USING ERRCODE = '23514', CONSTRAINT = broken;
  END IF;
  RETURN NULL;
END $body$;
CREATE TRIGGER ledger_zero_sum AFTER INSERT ON ledger_ledgerline REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_zero_sum();
"""
# `turn`: the places of the accounts in the order of their ids, which is the order of locks.
POST = """
CREATE FUNCTION ledger_post(
  new_id uuid, new_key text, hash text, new_kind text, entity uuid, source_kind text, source uuid, words text, reversed uuid,
  effective timestamptz, business date, new_era smallint, accounts uuid[], assets text[], amounts numeric[], turn int[]
) RETURNS void LANGUAGE plpgsql AS $body$
DECLARE
  place int;
  after numeric;
  number bigint;
  balances numeric[] := array_fill(NULL::numeric, ARRAY[cardinality(accounts)]);
  versions bigint[] := array_fill(NULL::bigint, ARRAY[cardinality(accounts)]);
BEGIN
  INSERT INTO ledger_ledgertransaction
    (id, key, payload_hash, kind, entity_id, source_type, source_id, narrative, reverses_id, effective_at, business_date, era)
  VALUES (new_id, new_key, hash, new_kind, entity, source_kind, source, words, reversed, effective, business, new_era)
  ON CONFLICT (key) DO NOTHING;
  IF NOT FOUND THEN
    PERFORM ledger_require_same(ARRAY[new_key], ARRAY[hash]);
    RETURN;
  END IF;
  FOREACH place IN ARRAY turn LOOP
    UPDATE ledger_ledgeraccount SET amount = amount + amounts[place], version = version + 1 WHERE id = accounts[place]
    RETURNING amount, version INTO after, number;
    balances[place] := after;
    versions[place] := number;
  END LOOP;
  INSERT INTO ledger_ledgerline (transaction_id, account_id, asset_code, amount, balance, version)
  SELECT new_id, l.* FROM unnest(accounts, assets, amounts, balances, versions) l;
END $body$;
"""
_POST_OUT = "DROP FUNCTION ledger_post(uuid, text, text, text, uuid, text, uuid, text, uuid, timestamptz, date, smallint, uuid[], text[], numeric[], int[]);"
_KINDS = ["NOSTRO", "VENUE", "IN_TRANSIT", "RECEIVABLE", "PAYABLE", "CLIENT_BALANCE", "SUSPENSE", "BLOCKED", "CAPITAL"]
_KINDS += ["POSITION", "FEE_INCOME", "COST", "ROUNDING", "WRITE_OFF", "COMMISSION"]
_PROTECT = django.db.models.deletion.PROTECT


class Migration(migrations.Migration):
    dependencies = [("ledger", "0006_one_pending_hold")]
    operations = [
        migrations.AddField("ledgertransaction", "era", models.SmallIntegerField(db_default=1)),
        migrations.AddField(
            "ledgertransaction",
            "xid",
            models.BigIntegerField(
                db_default=django.db.models.expressions.RawSQL("pg_current_xact_id()::text::bigint", []), editable=False
            ),
        ),
        migrations.AlterField(
            "ledgerline",
            "account",
            models.ForeignKey(db_constraint=False, db_index=False, on_delete=_PROTECT, related_name="lines", to="ledger.ledgeraccount"),
        ),
        migrations.AlterField(
            "ledgerline",
            "transaction",
            models.ForeignKey(db_constraint=False, on_delete=_PROTECT, related_name="lines", to="ledger.ledgertransaction"),
        ),
        migrations.AlterField(
            "ledgertransaction",
            "reverses",
            models.ForeignKey(db_index=False, null=True, on_delete=_PROTECT, related_name="reversed_by", to="ledger.ledgertransaction"),
        ),
        migrations.AddIndex("ledgertransaction", models.Index(fields=["era", "xid"], name="ledgertransaction_commit_order")),
        migrations.AddConstraint(
            "ledgertransaction",
            models.UniqueConstraint(
                condition=models.Q(("reverses__isnull", False)), fields=("reverses",), name="ledgertransaction_reversed_once"
            ),
        ),
        migrations.AddConstraint(
            "ledgeraccount", models.CheckConstraint(condition=models.Q(("kind__in", _KINDS)), name="ledgeraccount_kind")
        ),
        *db.walls((f"{_DROP}{WALL}", f"{_DROP}{_BEFORE}"), (POST, _POST_OUT)),
    ]
