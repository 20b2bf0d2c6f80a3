"""Everything that settles moves as its table says; a frozen net set keeps its members."""

from django.db import migrations

from apps.core import db
from apps.settlement.states import DEPOSIT, INSTRUCTION, NET_LEG, NET_SET, OBLIGATION, RECEIPT, WITHDRAWAL

# At commit the members of a leg make exactly its amount, and only an aborted set has let members go.
MEMBERS = """
CREATE FUNCTION settlement_members() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE leg uuid;
BEGIN
  FOREACH leg IN ARRAY ARRAY[OLD.net_leg_id, NEW.net_leg_id] LOOP
    IF leg IS NOT NULL AND EXISTS (
      SELECT 1 FROM settlement_netleg l JOIN settlement_netset s ON s.id = l.net_set_id
      WHERE l.id = leg AND s.status <> 'ABORTED'
        AND (CASE l.direction WHEN 'PAY' THEN l.amount ELSE -l.amount END)
            <> (SELECT coalesce(sum(CASE o.direction WHEN 'PAY' THEN o.amount ELSE -o.amount END), 0)
                FROM settlement_obligation o WHERE o.net_leg_id = leg)
    ) THEN
      RAISE EXCEPTION 'settlement: a frozen net set keeps its members' USING ERRCODE = '23514', CONSTRAINT = 'settlement_members';
    END IF;
  END LOOP;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER settlement_members AFTER UPDATE OF net_leg_id ON settlement_obligation DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (OLD.net_leg_id IS DISTINCT FROM NEW.net_leg_id) EXECUTE FUNCTION settlement_members();
"""


class Migration(migrations.Migration):
    dependencies = [("settlement", "0001_initial"), ("core", "0002_walls")]
    operations = db.walls(
        db.moves_sql("settlement_obligation", OBLIGATION),
        db.undeletable_sql("settlement_obligation"),
        db.frozen_columns_sql(
            "settlement_obligation", ["trade_id", "version_id", "account_id", "entity_id", "asset_id", "direction", "amount"]
        ),
        db.moves_sql("settlement_netset", NET_SET),
        db.undeletable_sql("settlement_netset"),
        db.frozen_columns_sql("settlement_netset", ["account_id", "entity_id", "value_date", "cutoff_at", "attempt"]),
        db.moves_sql("settlement_netleg", NET_LEG),
        db.undeletable_sql("settlement_netleg"),
        db.frozen_columns_sql("settlement_netleg", ["net_set_id", "asset_id", "direction", "amount"]),
        (MEMBERS, "DROP TRIGGER settlement_members ON settlement_obligation; DROP FUNCTION settlement_members();"),
        db.moves_sql("settlement_instruction", INSTRUCTION),
        db.undeletable_sql("settlement_instruction"),
        db.frozen_columns_sql(
            "settlement_instruction",
            ["direction", "account_id", "entity_id", "asset_id", "amount", "net_leg_id", "obligation_id", "withdrawal_id", "end_to_end_id"],
        ),
        db.append_only_sql("settlement_gatedecision"),
        db.moves_sql("settlement_receipt", RECEIPT),
        db.undeletable_sql("settlement_receipt"),
        db.frozen_columns_sql("settlement_receipt", ["nostro_id", "asset_id", "amount", "rail_reference"]),
        db.moves_sql("settlement_deposit", DEPOSIT),
        db.undeletable_sql("settlement_deposit"),
        db.moves_sql("settlement_withdrawal", WITHDRAWAL),
        db.undeletable_sql("settlement_withdrawal"),
        db.frozen_columns_sql("settlement_withdrawal", ["account_id", "asset_id", "amount", "ssi_id", "client_reference", "requested_by"]),
        db.append_only_sql("settlement_statementline"),
    )
