"""What an adjustment pays out of accruals stays its own for as long as it may be paid."""

from django.db import migrations

from apps.core import db

FORWARD = """
CREATE FUNCTION settlement_accrual_paid_once() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF EXISTS (SELECT 1 FROM settlement_adjustment a WHERE a.id = OLD.adjustment_id
             AND a.status IN ('REQUESTED', 'APPROVED', 'BOOKED', 'SETTLED')) THEN
    RAISE EXCEPTION 'settlement_accrual: an adjustment pays it already'
      USING ERRCODE = '23514', CONSTRAINT = 'settlement_accrual_paid_once';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER settlement_accrual_paid_once BEFORE UPDATE OF adjustment_id ON settlement_accrual FOR EACH ROW
  WHEN (OLD.adjustment_id IS NOT NULL AND NEW.adjustment_id IS DISTINCT FROM OLD.adjustment_id)
  EXECUTE FUNCTION settlement_accrual_paid_once();
"""
GONE = """
DROP TRIGGER settlement_accrual_paid_once ON settlement_accrual;
DROP FUNCTION settlement_accrual_paid_once();
"""


class Migration(migrations.Migration):
    dependencies = [("settlement", "0024_fees_invoiced")]

    operations = [*db.walls((FORWARD, GONE))]
