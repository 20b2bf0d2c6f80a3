"""What a receipt paid is never rewritten, and never more than it brought; a release stop stays on record."""

from django.db import migrations

from apps.core import db

# At commit the matches of a receipt add up to no more than it brought.
WHOLE = """
CREATE FUNCTION settlement_match_whole() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF (SELECT coalesce(sum(amount), 0) FROM settlement_receiptmatch WHERE receipt_id = NEW.receipt_id)
     > (SELECT amount FROM settlement_receipt WHERE id = NEW.receipt_id) THEN
    RAISE EXCEPTION 'settlement: a receipt pays no more than it brought' USING ERRCODE = '23514', CONSTRAINT = 'settlement_match_whole';
  END IF;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER settlement_match_whole AFTER INSERT ON settlement_receiptmatch DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION settlement_match_whole();
"""


class Migration(migrations.Migration):
    dependencies = [("settlement", "0003_settling"), ("core", "0002_walls")]
    operations = db.walls(
        db.append_only_sql("settlement_receiptmatch"),
        (WHOLE, "DROP TRIGGER settlement_match_whole ON settlement_receiptmatch; DROP FUNCTION settlement_match_whole();"),
        db.undeletable_sql("settlement_releasestop"),
        db.frozen_columns_sql("settlement_releasestop", ["reason", "thrown_by", "thrown_at"]),
    )
