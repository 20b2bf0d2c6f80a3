"""Matching conserves money: no receipt is used twice, no payment is paid past what came for it, also not by raw SQL or two at once."""

from django.db import migrations

from apps.core import db

# A receipt that was reverted before matches could be undone: its rows are undone now.
REVERTED = """
INSERT INTO settlement_receiptmatch (id, receipt_id, instruction_id, amount, written_off, round, undoes_id, matched_at)
SELECT gen_random_uuid(), m.receipt_id, m.instruction_id, -m.amount, -m.written_off, m.round, m.id, m.matched_at
FROM settlement_receiptmatch m JOIN settlement_receipt r ON r.id = m.receipt_id WHERE r.status = 'REVERTED';
SET CONSTRAINTS ALL IMMEDIATE;
"""
OLD = """
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
# At commit a MATCHED receipt has paid exactly what it brought, any other nothing. The status is read under the row's own lock, so that
# two at once cannot both use it: the second finds it MATCHED with twice its amount.
WHOLE = """
DROP TRIGGER settlement_match_whole ON settlement_receiptmatch; DROP FUNCTION settlement_match_whole();
CREATE FUNCTION settlement_match_whole() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE one uuid;
BEGIN
  IF TG_TABLE_NAME = 'settlement_receipt' THEN one := NEW.id; ELSE one := NEW.receipt_id; END IF;
  IF (SELECT coalesce(sum(amount), 0) FROM settlement_receiptmatch WHERE receipt_id = one)
     <> (SELECT CASE status WHEN 'MATCHED' THEN amount ELSE 0 END FROM settlement_receipt WHERE id = one) THEN
    RAISE EXCEPTION 'settlement: a matched receipt pays what it brought, any other nothing'
      USING ERRCODE = '23514', CONSTRAINT = 'settlement_match_whole';
  END IF;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER settlement_match_whole AFTER INSERT ON settlement_receiptmatch DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION settlement_match_whole();
CREATE CONSTRAINT TRIGGER settlement_match_moves AFTER UPDATE OF status ON settlement_receipt DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status AND 'MATCHED' IN (OLD.status, NEW.status))
  EXECUTE FUNCTION settlement_match_whole();
"""
# At commit an expected payment has received exactly what its matches say and what finance wrote off of it.
SETTLES = """
CREATE FUNCTION settlement_match_settles() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE one uuid;
BEGIN
  IF TG_TABLE_NAME = 'settlement_instruction' THEN one := NEW.id; ELSE one := NEW.instruction_id; END IF;
  IF (SELECT coalesce(sum(amount + written_off), 0) FROM settlement_receiptmatch WHERE instruction_id = one)
     + (SELECT coalesce(sum(amount), 0) FROM settlement_adjustment WHERE pays_id = one AND status IN ('BOOKED', 'SETTLED'))
     <> (SELECT settled_amount FROM settlement_instruction WHERE id = one) THEN
    RAISE EXCEPTION 'settlement: an expected payment has received what was matched to it'
      USING ERRCODE = '23514', CONSTRAINT = 'settlement_match_settles';
  END IF;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER settlement_match_settles AFTER INSERT ON settlement_receiptmatch DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.instruction_id IS NOT NULL) EXECUTE FUNCTION settlement_match_settles();
CREATE CONSTRAINT TRIGGER settlement_received_matched AFTER UPDATE OF settled_amount ON settlement_instruction
  DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.direction = 'RECEIVE' AND OLD.settled_amount IS DISTINCT FROM NEW.settled_amount)
  EXECUTE FUNCTION settlement_match_settles();
"""
# Money pays only what its own account owes; a row that undoes another mirrors it to the last decimal.
OWN = """
CREATE FUNCTION settlement_match_own() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.undoes_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM settlement_receiptmatch m WHERE m.id = NEW.undoes_id AND m.undoes_id IS NULL AND m.receipt_id = NEW.receipt_id
      AND m.instruction_id IS NOT DISTINCT FROM NEW.instruction_id AND m.amount = -NEW.amount AND m.written_off = -NEW.written_off
      AND m.round = NEW.round) THEN
    RAISE EXCEPTION 'settlement: a match is undone by its mirror' USING ERRCODE = '23514', CONSTRAINT = 'settlement_match_own';
  END IF;
  IF NEW.instruction_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM settlement_receipt r JOIN settlement_nostro n ON n.id = r.nostro_id JOIN settlement_instruction i
      ON i.account_id = r.account_id AND i.asset_id = r.asset_id AND i.entity_id = n.entity_id AND i.direction = 'RECEIVE'
    WHERE r.id = NEW.receipt_id AND i.id = NEW.instruction_id) THEN
    RAISE EXCEPTION 'settlement: a receipt pays what its own account owes' USING ERRCODE = '23514', CONSTRAINT = 'settlement_match_own';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER settlement_match_own BEFORE INSERT ON settlement_receiptmatch FOR EACH ROW EXECUTE FUNCTION settlement_match_own();
"""
# What is frozen, or for nobody to return, never gets a payment back.
RETURNED = """
CREATE FUNCTION settlement_return_due() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM settlement_receipt WHERE id = NEW.returns_id AND status = 'RETURN_DUE' AND amount = NEW.amount) THEN
    RAISE EXCEPTION 'settlement: only a receipt whose return is due goes back' USING ERRCODE = '23514', CONSTRAINT = 'settlement_return_due';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER settlement_return_due BEFORE INSERT ON settlement_instruction FOR EACH ROW
  WHEN (NEW.returns_id IS NOT NULL) EXECUTE FUNCTION settlement_return_due();
"""


class Migration(migrations.Migration):
    dependencies = [("settlement", "0018_matching"), ("core", "0002_walls")]
    operations = db.walls(
        (REVERTED, "SELECT 1;"),
        (
            WHOLE,
            "DROP TRIGGER settlement_match_moves ON settlement_receipt; DROP TRIGGER settlement_match_whole ON settlement_receiptmatch; "
            "DROP FUNCTION settlement_match_whole();" + OLD,
        ),
        (
            SETTLES,
            "DROP TRIGGER settlement_received_matched ON settlement_instruction; "
            "DROP TRIGGER settlement_match_settles ON settlement_receiptmatch; DROP FUNCTION settlement_match_settles();",
        ),
        (OWN, "DROP TRIGGER settlement_match_own ON settlement_receiptmatch; DROP FUNCTION settlement_match_own();"),
        (RETURNED, "DROP TRIGGER settlement_return_due ON settlement_instruction; DROP FUNCTION settlement_return_due();"),
        db.append_only_sql("settlement_receiptnote"),
        db.append_only_sql("settlement_matchtolerance"),
    )
