"""Every transaction sums to zero per asset, is whole from the start, and balances are its running sums."""

from django.db import migrations

from apps.core import db
from apps.ledger.states import HOLD

# All lines of a transaction come in one INSERT: zero per asset, no line before or after, running balances without a gap.
ZERO_SUM = """
CREATE FUNCTION ledger_zero_sum() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF EXISTS (SELECT 1 FROM fresh GROUP BY transaction_id, asset_code HAVING sum(amount) <> 0) THEN
    RAISE EXCEPTION 'ledger: a transaction does not sum to zero per asset' USING ERRCODE = '23514', CONSTRAINT = 'ledger_zero_sum';
  END IF;
  IF (SELECT count(*) FROM fresh)
     <> (SELECT count(*) FROM ledger_ledgerline l WHERE l.transaction_id IN (SELECT transaction_id FROM fresh)) THEN
    RAISE EXCEPTION 'ledger: lines are never added to a transaction' USING ERRCODE = '23514', CONSTRAINT = 'ledger_added_later';
  END IF;
  IF EXISTS (
    SELECT 1 FROM fresh f
    JOIN ledger_ledgeraccount a ON a.id = f.account_id
    JOIN ledger_ledgertransaction t ON t.id = f.transaction_id
    LEFT JOIN ledger_ledgerline p ON p.account_id = f.account_id AND p.version = f.version - 1
    WHERE f.asset_code <> a.asset_code OR t.entity_id <> a.entity_id OR f.version < 1 OR f.version > a.version
       OR f.balance <> coalesce(p.balance, 0) + f.amount OR (f.version > 1) <> (p.id IS NOT NULL)
  ) THEN
    RAISE EXCEPTION 'ledger: a line has another asset, entity or running balance than its account' USING ERRCODE = '23514', CONSTRAINT = 'ledger_running';
  END IF;
  RETURN NULL;
END $body$;
CREATE TRIGGER ledger_zero_sum AFTER INSERT ON ledger_ledgerline REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_zero_sum();
"""
HAS_LINES = """
CREATE FUNCTION ledger_has_lines() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM ledger_ledgerline WHERE transaction_id = NEW.id) THEN
    RAISE EXCEPTION 'ledger: a transaction without lines' USING ERRCODE = '23514', CONSTRAINT = 'ledger_has_lines';
  END IF;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER ledger_has_lines AFTER INSERT ON ledger_ledgertransaction DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION ledger_has_lines();
"""
BALANCE = """
CREATE FUNCTION ledger_balance() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.amount <> 0 OR NEW.version <> 0 OR NEW.held <> 0 THEN
      RAISE EXCEPTION 'ledger: an account is born at zero' USING ERRCODE = '23514', CONSTRAINT = 'ledger_balance';
    END IF;
  ELSIF (NEW.amount <> OLD.amount OR NEW.version <> OLD.version)
     AND NOT EXISTS (SELECT 1 FROM ledger_ledgerline WHERE account_id = NEW.id AND version = NEW.version AND balance = NEW.amount) THEN
    RAISE EXCEPTION 'ledger: a balance is the last running balance of its lines' USING ERRCODE = '23514', CONSTRAINT = 'ledger_balance';
  END IF;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER ledger_balance AFTER INSERT OR UPDATE OF amount, version ON ledger_ledgeraccount DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION ledger_balance();
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial"), ("core", "0002_walls")]
    operations = db.walls(
        (ZERO_SUM, "DROP TRIGGER ledger_zero_sum ON ledger_ledgerline; DROP FUNCTION ledger_zero_sum();"),
        (HAS_LINES, "DROP TRIGGER ledger_has_lines ON ledger_ledgertransaction; DROP FUNCTION ledger_has_lines();"),
        (BALANCE, "DROP TRIGGER ledger_balance ON ledger_ledgeraccount; DROP FUNCTION ledger_balance();"),
        db.append_only_sql("ledger_ledgerline"),
        db.append_only_sql("ledger_ledgertransaction"),
        db.undeletable_sql("ledger_ledgeraccount"),
        db.frozen_columns_sql("ledger_ledgeraccount", ["entity_id", "kind", "asset_code", "book_id", "owner_id", "designation"]),
        db.moves_sql("ledger_hold", HOLD),
        db.undeletable_sql("ledger_hold"),
        db.frozen_columns_sql("ledger_hold", ["account_id", "amount", "source_type", "source_id"]),
    )
