"""A house transfer arrives in parts: how much of it is there, and which receipts brought it."""

from importlib import import_module

import django.db.models.deletion
from django.db import migrations, models

import apps.core.db
from apps.core import db

# What has arrived so far came whole: by one receipt, by one movement, or with an owner.
KNOWN = """
UPDATE settlement_housetransfer SET arrived = amount WHERE status = 'SETTLED';
ALTER TABLE settlement_receiptmatch DISABLE TRIGGER settlement_receiptmatch_kept;
UPDATE settlement_receiptmatch m SET house_transfer_id = t.id FROM settlement_housetransfer t
WHERE t.receipt_id = m.receipt_id AND m.undoes_id IS NULL
  AND NOT EXISTS (SELECT 1 FROM settlement_receiptmatch u WHERE u.undoes_id = m.id);
ALTER TABLE settlement_receiptmatch ENABLE TRIGGER settlement_receiptmatch_kept;
SET CONSTRAINTS ALL IMMEDIATE;
"""
# Back only as long as everything came whole: before, there is no word for a part.
NAMED = """
UPDATE settlement_housetransfer t SET receipt_id = m.receipt_id FROM settlement_receiptmatch m
WHERE m.house_transfer_id = t.id AND m.undoes_id IS NULL AND m.amount = t.amount AND t.status = 'SETTLED'
  AND NOT EXISTS (SELECT 1 FROM settlement_receiptmatch u WHERE u.undoes_id = m.id);
UPDATE settlement_housetransfer t SET movement_id = m.id FROM settlement_venuemovement m
WHERE m.transfer_id = t.id AND m.amount = t.amount AND t.status = 'SETTLED' AND t.target_id IS NULL
  AND NOT EXISTS (SELECT 1 FROM settlement_venuemovement u WHERE u.transfer_id = t.id AND u.takes_back = m.reference);
DO $body$
BEGIN
  IF EXISTS (SELECT 1 FROM settlement_housetransfer
             WHERE arrived > 0 AND owner_address = '' AND receipt_id IS NULL AND movement_id IS NULL) THEN
    RAISE EXCEPTION 'settlement: a house transfer came in parts, which the schema before cannot tell';
  END IF;
END $body$;
SET CONSTRAINTS ALL IMMEDIATE;
"""
OLD_OWN = (
    import_module("apps.settlement.migrations.0019_matching_walls")
    .OWN.partition("CREATE TRIGGER")[0]
    .replace("CREATE", "CREATE OR REPLACE", 1)
)
# As before, and a receipt is of a transfer to the very account on which it came.
OWN = OLD_OWN.replace(
    "AND m.instruction_id IS NOT DISTINCT FROM NEW.instruction_id AND m.amount",
    "AND m.instruction_id IS NOT DISTINCT FROM NEW.instruction_id\n"
    "      AND m.house_transfer_id IS NOT DISTINCT FROM NEW.house_transfer_id AND m.amount",
).replace(
    "  RETURN NEW;",
    """  IF NEW.house_transfer_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM settlement_receipt r JOIN settlement_housetransfer t ON t.target_id = r.nostro_id
    WHERE r.id = NEW.receipt_id AND t.id = NEW.house_transfer_id) THEN
    RAISE EXCEPTION 'settlement: a receipt is of a transfer to its own account'
      USING ERRCODE = '23514', CONSTRAINT = 'settlement_match_own';
  END IF;
  RETURN NEW;""",
)
# At commit as much of a transfer has arrived as its receipts brought, or its venue's record shows. With an owner nothing of ours tells.
ARRIVES = """
CREATE FUNCTION settlement_house_arrives() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE one uuid;
BEGIN
  IF TG_TABLE_NAME = 'settlement_housetransfer' THEN one := NEW.id;
  ELSIF TG_TABLE_NAME = 'settlement_venuemovement' THEN one := NEW.transfer_id;
  ELSE one := NEW.house_transfer_id; END IF;
  IF EXISTS (SELECT 1 FROM settlement_housetransfer t WHERE t.id = one AND t.arrived <> CASE
      WHEN t.target_id IS NOT NULL
        THEN (SELECT coalesce(sum(m.amount), 0) FROM settlement_receiptmatch m WHERE m.house_transfer_id = one)
      WHEN t.place_id IS NOT NULL THEN (SELECT coalesce(sum(m.amount), 0) FROM settlement_venuemovement m WHERE m.transfer_id = one)
      ELSE t.arrived END) THEN
    RAISE EXCEPTION 'settlement: what has arrived of a house transfer is what its receipts or its venue''s record brought'
      USING ERRCODE = '23514', CONSTRAINT = 'settlement_house_arrives';
  END IF;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER settlement_house_arrives AFTER UPDATE OF arrived ON settlement_housetransfer DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (OLD.arrived IS DISTINCT FROM NEW.arrived) EXECUTE FUNCTION settlement_house_arrives();
CREATE CONSTRAINT TRIGGER settlement_house_matched AFTER INSERT ON settlement_receiptmatch DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.house_transfer_id IS NOT NULL) EXECUTE FUNCTION settlement_house_arrives();
CREATE CONSTRAINT TRIGGER settlement_house_moved AFTER INSERT OR UPDATE OF transfer_id ON settlement_venuemovement
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.transfer_id IS NOT NULL) EXECUTE FUNCTION settlement_house_arrives();
"""
GONE = """
DROP TRIGGER settlement_house_arrives ON settlement_housetransfer; DROP TRIGGER settlement_house_matched ON settlement_receiptmatch;
DROP TRIGGER settlement_house_moved ON settlement_venuemovement; DROP FUNCTION settlement_house_arrives();
"""


class Migration(migrations.Migration):
    dependencies = [("settlement", "0031_lines_by_sequence")]

    operations = [
        migrations.RemoveConstraint(model_name="housetransfer", name="housetransfer_arrived"),
        migrations.AddField(model_name="housetransfer", name="arrived", field=apps.core.db.AmountField(default=0)),
        migrations.AddField(
            model_name="receiptmatch",
            name="house_transfer",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="parts", to="settlement.housetransfer"
            ),
        ),
        *db.walls((KNOWN, NAMED)),
        migrations.RemoveField(model_name="housetransfer", name="receipt"),
        migrations.RemoveField(model_name="housetransfer", name="movement"),
        migrations.AddConstraint(
            model_name="housetransfer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("arrived", models.F("amount")), ("status", "SETTLED")),
                    models.Q(("arrived__gte", 0), ("arrived__lt", models.F("amount")), ("status", "IN_TRANSIT")),
                    models.Q(models.Q(("status__in", ["SETTLED", "IN_TRANSIT"]), _negated=True), ("arrived", 0)),
                    _connector="OR",
                ),
                name="housetransfer_arrived",
            ),
        ),
        migrations.AddConstraint(
            model_name="receiptmatch",
            constraint=models.CheckConstraint(
                condition=models.Q(("instruction__isnull", True), ("house_transfer__isnull", True), _connector="OR"),
                name="receiptmatch_one_end",
            ),
        ),
        *db.walls((OWN, OLD_OWN), (ARRIVES, GONE)),
    ]
