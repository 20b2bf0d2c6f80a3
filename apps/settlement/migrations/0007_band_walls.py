"""Bands are versions: set once, by two people, and kept. A payment is let go by two people, or by the band that it is within."""

from importlib import import_module

from django.db import migrations

from apps.core import db

TWO = import_module("apps.settlement.migrations.0005_set_stays").RELEASED
TWO_OR_BAND = TWO.replace("UPDATE OF status, made_by, released_by ON", "UPDATE OF status, made_by, released_by, band_id ON").replace(
    "(NEW.made_by IS NULL OR NEW.released_by IS NULL)",
    "(NEW.made_by IS NULL OR NEW.released_by IS NULL)\n"
    "        AND NOT (NEW.made_by IS NULL AND NEW.released_by IS NULL AND NEW.band_id IS NOT NULL)",
)
DROP = "DROP TRIGGER settlement_released_by_two ON settlement_instruction; DROP FUNCTION settlement_released_by_two();"
WITHIN = """
CREATE FUNCTION settlement_within_band() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.direction <> 'PAY' OR (NEW.net_leg_id IS NULL AND NEW.obligation_id IS NULL) OR NOT EXISTS (
    SELECT 1 FROM settlement_releaseband b JOIN settlement_nostro n ON n.rail_id = b.rail_id
    WHERE b.id = NEW.band_id AND n.id = NEW.nostro_id AND NEW.amount <= b.straight_through
  ) THEN
    RAISE EXCEPTION 'settlement: a payment past its band waits for people' USING ERRCODE = '23514', CONSTRAINT = 'settlement_within_band';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER settlement_within_band BEFORE INSERT OR UPDATE OF band_id ON settlement_instruction FOR EACH ROW
  WHEN (NEW.band_id IS NOT NULL) EXECUTE FUNCTION settlement_within_band();
"""


class Migration(migrations.Migration):
    dependencies = [("settlement", "0006_release_bands"), ("core", "0002_walls")]
    operations = db.walls(
        db.append_only_sql("settlement_releaseband"),
        (DROP + TWO_OR_BAND, DROP + TWO),
        (WITHIN, "DROP TRIGGER settlement_within_band ON settlement_instruction; DROP FUNCTION settlement_within_band();"),
    )
