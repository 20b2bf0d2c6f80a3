"""What a quote was accepted on, when and on which side, is written once."""

from django.db import migrations

from apps.core import db

ANSWERED = """
CREATE FUNCTION rfqs_answered_once() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  RAISE EXCEPTION 'rfqs: the instant and the side of an accept never change' USING ERRCODE = '23514', CONSTRAINT = 'rfqs_answered_once';
END $body$;
CREATE TRIGGER rfqs_answered_once BEFORE UPDATE OF accepted_at, accepted_side ON rfqs_quote FOR EACH ROW
  WHEN (OLD.accepted_at IS NOT NULL
        AND (NEW.accepted_at IS DISTINCT FROM OLD.accepted_at OR NEW.accepted_side IS DISTINCT FROM OLD.accepted_side))
  EXECUTE FUNCTION rfqs_answered_once();
"""


class Migration(migrations.Migration):
    dependencies = [("rfqs", "0003_walls")]
    operations = db.walls((ANSWERED, "DROP TRIGGER rfqs_answered_once ON rfqs_quote; DROP FUNCTION rfqs_answered_once();"))
