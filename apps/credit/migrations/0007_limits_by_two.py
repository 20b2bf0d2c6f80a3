"""Uses stay within limits, by line and by day; limits change only as two people granted; amounts, breaches and calls are kept."""

from django.db import migrations

from apps.core import db
from apps.credit.states import CALL

# Lines of before have their limits from somewhere: that is their first grant.
FIRST = """
INSERT INTO credit_grant (id, line_id, number, amount, excess, excess_until, excess_reason, valid_from, valid_until, granted_at)
SELECT gen_random_uuid(), id, 1, amount, excess, excess_until, excess_reason, valid_from, valid_until, valid_from FROM credit_line
"""
_LIMIT = """(CASE WHEN {l}.valid_from <= desk_now() AND {l}.valid_until > desk_now()
     THEN {l}.amount + (CASE WHEN {l}.excess_until > desk_now() THEN {l}.excess ELSE 0 END) ELSE 0 END)"""
LINE = """
CREATE OR REPLACE FUNCTION credit_limit() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.reserved + NEW.used > OLD.reserved + OLD.used
     AND NEW.reserved + NEW.used + OLD.unchecked + NEW.revalued > LIMIT THEN
    RAISE EXCEPTION 'credit: % reserved and % used are more than the line', NEW.reserved, NEW.used
      USING ERRCODE = '23514', CONSTRAINT = 'credit_limit';
  END IF;
  IF NEW.unchecked > OLD.unchecked
     AND NOT EXISTS (SELECT 1 FROM credit_breach b WHERE b.line_id = NEW.id AND b.cured_at IS NULL) THEN
    RAISE EXCEPTION 'credit: what lies beyond the line is a breach on record' USING ERRCODE = '23514', CONSTRAINT = 'credit_unchecked';
  END IF;
  RETURN NEW;
END $body$;
""".replace("LIMIT THEN", f"{_LIMIT.format(l='NEW')} THEN")
LINE_TRIGGER = """
DROP TRIGGER credit_limit ON credit_line;
CREATE TRIGGER credit_limit BEFORE UPDATE OF reserved, used, unchecked ON credit_line FOR EACH ROW EXECUTE FUNCTION credit_limit();
"""
LINE_TRIGGER_BEFORE = """
DROP TRIGGER credit_limit ON credit_line;
CREATE TRIGGER credit_limit BEFORE UPDATE OF reserved, used ON credit_line FOR EACH ROW EXECUTE FUNCTION credit_limit();
"""
DAY = """
CREATE FUNCTION credit_day_limit() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE l credit_line; was numeric := 0; was_unchecked numeric := 0;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    was := OLD.reserved + OLD.used;
    was_unchecked := OLD.unchecked;
  END IF;
  IF NEW.reserved + NEW.used > was THEN
    SELECT * INTO l FROM credit_line WHERE id = NEW.line_id;
    IF NEW.reserved + NEW.used + was_unchecked > LIMIT THEN
      RAISE EXCEPTION 'credit: % reserved and % used are more than the line for %', NEW.reserved, NEW.used, NEW.day
        USING ERRCODE = '23514', CONSTRAINT = 'credit_day_limit';
    END IF;
  END IF;
  IF NEW.unchecked > was_unchecked
     AND NOT EXISTS (SELECT 1 FROM credit_breach b WHERE b.line_id = NEW.line_id AND b.cured_at IS NULL) THEN
    RAISE EXCEPTION 'credit: what lies beyond the line is a breach on record' USING ERRCODE = '23514', CONSTRAINT = 'credit_unchecked';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER credit_day_limit BEFORE INSERT OR UPDATE ON credit_lineday FOR EACH ROW EXECUTE FUNCTION credit_day_limit();
""".replace("LIMIT THEN", f"{_LIMIT.format(l='l')} THEN")
BORN = """
CREATE OR REPLACE FUNCTION credit_born_empty() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.reserved <> 0 OR NEW.used <> 0 OR NEW.unchecked <> 0 OR NEW.revalued <> 0 THEN
    RAISE EXCEPTION 'credit: a line is born unused' USING ERRCODE = '23514', CONSTRAINT = 'credit_born_empty';
  END IF;
  RETURN NEW;
END $body$;
"""
BORN_BEFORE = """
CREATE OR REPLACE FUNCTION credit_born_empty() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.reserved <> 0 OR NEW.used <> 0 THEN
    RAISE EXCEPTION 'credit: a line is born unused' USING ERRCODE = '23514', CONSTRAINT = 'credit_born_empty';
  END IF;
  RETURN NEW;
END $body$;
"""
# A reservation grows (a dearer quote of the same request) while it is reserved; it never shrinks, and a deal's stays as it was.
AMOUNT = """
CREATE OR REPLACE FUNCTION credit_amount_stays() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.amount < OLD.amount OR NEW.unchecked <> OLD.unchecked OR NEW.day IS DISTINCT FROM OLD.day
     OR (NEW.amount <> OLD.amount AND OLD.status <> 'RESERVED') THEN
    RAISE EXCEPTION 'credit: what was reserved is not rewritten' USING ERRCODE = '23514', CONSTRAINT = 'credit_amount_stays';
  END IF;
  RETURN NEW;
END $body$;
DROP TRIGGER credit_amount_stays ON credit_reservation;
CREATE TRIGGER credit_amount_stays BEFORE UPDATE OF amount, unchecked, day ON credit_reservation
  FOR EACH ROW EXECUTE FUNCTION credit_amount_stays();
"""
AMOUNT_BEFORE = """
CREATE OR REPLACE FUNCTION credit_amount_stays() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.amount <> OLD.amount THEN
    RAISE EXCEPTION 'credit: what was reserved is not rewritten' USING ERRCODE = '23514', CONSTRAINT = 'credit_amount_stays';
  END IF;
  RETURN NEW;
END $body$;
DROP TRIGGER credit_amount_stays ON credit_reservation;
CREATE TRIGGER credit_amount_stays BEFORE UPDATE OF amount ON credit_reservation FOR EACH ROW EXECUTE FUNCTION credit_amount_stays();
"""
# A line's limits are those of its last grant, and a grant after the first says what two people of an approval decided.
LIMITS = """
CREATE FUNCTION credit_limits_granted() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF (NEW.level, NEW.measure, NEW.subject_id, NEW.currency) IS DISTINCT FROM (OLD.level, OLD.measure, OLD.subject_id, OLD.currency)
       OR (NEW.grant_number <> OLD.grant_number AND NEW.grant_number <> OLD.grant_number + 1) THEN
      RAISE EXCEPTION 'credit: whose line it is never changes' USING ERRCODE = '23514', CONSTRAINT = 'credit_limits_granted';
    END IF;
  END IF;
  IF NOT EXISTS (SELECT 1 FROM credit_grant g WHERE g.line_id = NEW.id AND g.number = NEW.grant_number AND g.amount = NEW.amount
      AND g.excess = NEW.excess AND g.excess_until IS NOT DISTINCT FROM NEW.excess_until AND g.excess_reason = NEW.excess_reason
      AND g.valid_from = NEW.valid_from AND g.valid_until = NEW.valid_until) THEN
    RAISE EXCEPTION 'credit: the limits of a line are those of its last grant' USING ERRCODE = '23514', CONSTRAINT = 'credit_limits_granted';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER credit_limits_granted
  BEFORE INSERT OR UPDATE OF level, measure, subject_id, currency, amount, excess, excess_until, excess_reason, valid_from, valid_until,
    grant_number ON credit_line FOR EACH ROW EXECUTE FUNCTION credit_limits_granted();
CREATE FUNCTION credit_grant_by_two() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.approval_id IS NULL THEN
    IF EXISTS (SELECT 1 FROM credit_line l WHERE l.id = NEW.line_id) THEN
      RAISE EXCEPTION 'credit: only a line being born has a grant without an approval' USING ERRCODE = '23514', CONSTRAINT = 'credit_grant_by_two';
    END IF;
  ELSIF NOT EXISTS (SELECT 1 FROM approvals_approval a WHERE a.id = NEW.approval_id AND a.kind = 'credit_line'
      AND a.status IN ('APPROVED', 'EXECUTED') AND a.subject_id = NEW.line_id AND a.maker_id = NEW.made_by
      AND a.checker_id = NEW.approved_by AND (a.payload->>'amount')::numeric = NEW.amount
      AND (a.payload->>'excess')::numeric = NEW.excess
      AND (a.payload->>'excess_until')::timestamptz IS NOT DISTINCT FROM NEW.excess_until
      AND (a.payload->>'valid_until')::timestamptz = NEW.valid_until) THEN
    RAISE EXCEPTION 'credit: a grant is what two people decided' USING ERRCODE = '23514', CONSTRAINT = 'credit_grant_by_two';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER credit_grant_by_two BEFORE INSERT ON credit_grant FOR EACH ROW EXECUTE FUNCTION credit_grant_by_two();
CREATE FUNCTION credit_haircut_by_two() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.number > 1 AND NOT EXISTS (SELECT 1 FROM approvals_approval a WHERE a.id = NEW.approval_id AND a.kind = 'credit_haircut'
      AND a.status IN ('APPROVED', 'EXECUTED') AND a.payload->>'pair' = NEW.pair_code AND a.maker_id = NEW.made_by
      AND a.checker_id = NEW.approved_by AND (a.payload->>'normal')::numeric = NEW.normal
      AND (a.payload->>'stressed')::numeric = NEW.stressed) THEN
    RAISE EXCEPTION 'credit: a haircut is what two people decided' USING ERRCODE = '23514', CONSTRAINT = 'credit_haircut_by_two';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER credit_haircut_by_two BEFORE INSERT ON credit_haircut FOR EACH ROW EXECUTE FUNCTION credit_haircut_by_two();
CREATE FUNCTION credit_call_withdrawn() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.status = 'WITHDRAWN' AND NOT EXISTS (SELECT 1 FROM approvals_approval a WHERE a.id = NEW.approval_id
      AND a.kind = 'exposure_call' AND a.status IN ('APPROVED', 'EXECUTED') AND a.subject_id = NEW.id) THEN
    RAISE EXCEPTION 'credit: a call is withdrawn by two people' USING ERRCODE = '23514', CONSTRAINT = 'credit_call_withdrawn';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER credit_call_withdrawn BEFORE UPDATE OF status ON credit_exposurecall FOR EACH ROW EXECUTE FUNCTION credit_call_withdrawn();
"""
_TRIGGERS = (
    ("credit_limits_granted", "credit_line"),
    ("credit_grant_by_two", "credit_grant"),
    ("credit_haircut_by_two", "credit_haircut"),
    ("credit_call_withdrawn", "credit_exposurecall"),
)
UNLIMITS = " ".join(f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();" for name, table in _TRIGGERS)


def _before(name: str) -> str:
    from importlib import import_module

    text: str = getattr(import_module("apps.credit.migrations.0003_expired_line"), name)
    return text


class Migration(migrations.Migration):
    dependencies = [("credit", "0006_two_measures"), ("approvals", "0003_decided_once")]
    operations = [
        migrations.RunSQL([FIRST], migrations.RunSQL.noop),
        *db.walls(
            (LINE, _before("AFTER")),
            (LINE_TRIGGER, LINE_TRIGGER_BEFORE),
            (DAY, "DROP TRIGGER credit_day_limit ON credit_lineday; DROP FUNCTION credit_day_limit();"),
            (BORN, BORN_BEFORE),
            (AMOUNT, AMOUNT_BEFORE),
            (LIMITS, UNLIMITS),
            db.moves_sql("credit_exposurecall", CALL),
            db.undeletable_sql("credit_exposurecall"),
            db.frozen_columns_sql("credit_exposurecall", ["line_id", "client_id", "amount", "reason", "issued_by", "issued_at", "due_at"]),
            db.undeletable_sql("credit_breach"),
            db.frozen_columns_sql("credit_breach", ["line_id", "kind", "since"]),
            db.undeletable_sql("credit_lineday"),
            db.frozen_columns_sql("credit_lineday", ["line_id", "day"]),
            db.append_only_sql("credit_grant"),
            db.append_only_sql("credit_haircut"),
        ),
    ]
