"""What is booked decides the amount of a receipt that was only seen: it changes with SEEN → FINAL, and never again."""

from django.db import migrations

from apps.core import db

_BEFORE = ["nostro_id", "asset_id", "amount", "rail_reference"]
_AMOUNT = """
CREATE OR REPLACE FUNCTION settlement_receipt_amount() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.amount IS DISTINCT FROM OLD.amount AND NOT (OLD.status = 'SEEN' AND NEW.status = 'FINAL') THEN
    RAISE EXCEPTION 'settlement_receipt: amount changes only when what was seen is booked'
      USING ERRCODE = '23514', CONSTRAINT = 'settlement_receipt_amount';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER settlement_receipt_amount BEFORE UPDATE ON settlement_receipt FOR EACH ROW EXECUTE FUNCTION settlement_receipt_amount();
"""


class Migration(migrations.Migration):
    dependencies = [("settlement", "0025_accrual_paid_once")]
    operations = db.walls(
        db.refrozen_columns_sql("settlement_receipt", ["nostro_id", "asset_id", "rail_reference"], _BEFORE),
        (_AMOUNT, "DROP TRIGGER settlement_receipt_amount ON settlement_receipt; DROP FUNCTION settlement_receipt_amount();"),
    )
