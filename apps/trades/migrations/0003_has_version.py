"""A deal has the version that it says is its current one."""

from django.db import migrations

from apps.core import db

VERSION = """
CREATE FUNCTION trades_has_version() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM trades_tradeversion WHERE trade_id = NEW.id AND number = NEW.version) THEN
    RAISE EXCEPTION 'trades: a deal without its version' USING ERRCODE = '23514', CONSTRAINT = 'trades_has_version';
  END IF;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER trades_has_version AFTER INSERT OR UPDATE OF version ON trades_trade DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION trades_has_version();
"""


class Migration(migrations.Migration):
    dependencies = [("trades", "0002_walls")]
    operations = db.walls((VERSION, "DROP TRIGGER trades_has_version ON trades_trade; DROP FUNCTION trades_has_version();"))
