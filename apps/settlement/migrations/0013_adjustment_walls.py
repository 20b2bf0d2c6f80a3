"""An adjustment is what was checked: its obligation repeats it, and booked it has exactly that one and its ledger transaction."""

from django.db import migrations

from apps.core import db
from apps.settlement.states import ADJUSTMENT

_BEFORE = ["trade_id", "version_id", "account_id", "entity_id", "asset_id", "direction", "amount", "allocation_id"]
REPEATS = """
CREATE FUNCTION settlement_adjusts() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM settlement_adjustment a WHERE a.id = NEW.adjustment_id AND a.account_id = NEW.account_id
                 AND a.entity_id = NEW.entity_id AND a.asset_id = NEW.asset_id AND a.direction = NEW.direction
                 AND a.amount = NEW.amount AND a.status = 'BOOKED') THEN
    RAISE EXCEPTION 'settlement: an obligation repeats its adjustment' USING ERRCODE = '23514', CONSTRAINT = 'settlement_adjusts';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER settlement_adjusts BEFORE INSERT ON settlement_obligation FOR EACH ROW
  WHEN (NEW.adjustment_id IS NOT NULL) EXECUTE FUNCTION settlement_adjusts();
"""
WHOLE = """
CREATE FUNCTION settlement_adjustment_whole() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM settlement_obligation WHERE adjustment_id = NEW.id)
     OR NOT EXISTS (SELECT 1 FROM ledger_ledgertransaction WHERE key = 'adjustment:' || NEW.id) THEN
    RAISE EXCEPTION 'settlement: a booked adjustment has its obligation and its ledger transaction'
      USING ERRCODE = '23514', CONSTRAINT = 'settlement_adjustment_whole';
  END IF;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER settlement_adjustment_whole AFTER UPDATE OF status ON settlement_adjustment DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.status IN ('BOOKED', 'SETTLED', 'REVERSED')) EXECUTE FUNCTION settlement_adjustment_whole();
"""


class Migration(migrations.Migration):
    dependencies = [("settlement", "0012_adjustments"), ("ledger", "0007_posting"), ("core", "0002_walls")]
    operations = db.walls(
        db.moves_sql("settlement_adjustment", ADJUSTMENT),
        db.undeletable_sql("settlement_adjustment"),
        db.frozen_columns_sql(
            "settlement_adjustment",
            [
                "account_id",
                "entity_id",
                "asset_id",
                "kind",
                "direction",
                "amount",
                "value_date",
                "reason",
                "trade_id",
                "pays_id",
                "made_by",
            ],
        ),
        db.refrozen_columns_sql("settlement_obligation", [*_BEFORE, "adjustment_id"], _BEFORE),
        (REPEATS, "DROP TRIGGER settlement_adjusts ON settlement_obligation; DROP FUNCTION settlement_adjusts();"),
        (
            WHOLE,
            "DROP TRIGGER settlement_adjustment_whole ON settlement_adjustment; DROP FUNCTION settlement_adjustment_whole();",
        ),
    )
