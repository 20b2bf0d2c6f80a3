"""Limits of positions are kept in versions; a breach ends once."""

from django.db import migrations

from apps.core import db

ENDS_ONCE = """
CREATE FUNCTION pricing_ends_once() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_TABLE_NAME = 'pricing_positionlimit' THEN
    IF OLD.effective_until IS NOT NULL THEN
      RAISE EXCEPTION 'pricing: a limit that has ended stays so' USING ERRCODE = '23514', CONSTRAINT = 'pricing_ends_once';
    END IF;
  ELSIF OLD.ended_at IS NOT NULL THEN
    RAISE EXCEPTION 'pricing: a breach that has ended stays so' USING ERRCODE = '23514', CONSTRAINT = 'pricing_ends_once';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER pricing_limit_ends_once BEFORE UPDATE ON pricing_positionlimit FOR EACH ROW EXECUTE FUNCTION pricing_ends_once();
CREATE TRIGGER pricing_breach_ends_once BEFORE UPDATE ON pricing_positionbreach FOR EACH ROW EXECUTE FUNCTION pricing_ends_once();
"""
UNENDED = """
DROP TRIGGER pricing_limit_ends_once ON pricing_positionlimit;
DROP TRIGGER pricing_breach_ends_once ON pricing_positionbreach;
DROP FUNCTION pricing_ends_once();
"""
_LIMIT = ["book_id", "asset_code", "version", "soft", "hard", "reason", "effective_from", "proposed_by", "approved_by"]


class Migration(migrations.Migration):
    dependencies = [("pricing", "0007_position_limits")]
    operations = db.walls(
        db.undeletable_sql("pricing_positionlimit"),
        db.frozen_columns_sql("pricing_positionlimit", _LIMIT),
        db.undeletable_sql("pricing_positionbreach"),
        db.frozen_columns_sql("pricing_positionbreach", ["book_id", "asset_code", "standing", "position", "limit", "began_at"]),
        (ENDS_ONCE, UNENDED),
    )
