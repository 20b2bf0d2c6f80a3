"""Raw SQL pays nothing twice and nowhere else: one living attempt, which says what was released; a leg and its members settle together."""

from importlib import import_module

from django.db import migrations, models
from django.db.models import F, Q

from apps.core import db

_ALIVE = Q(("whole__isnull", True), ~Q(("status__in", ["FAILED", "RETURNED", "CANCELLED"])))
_FROZEN = ["direction", "account_id", "entity_id", "asset_id", "amount", "net_leg_id", "obligation_id", "withdrawal_id", "end_to_end_id"]
_FROZEN += ["whole_id", "part"]
# What two have let go, to whom and from where: it changes only by being taken back first, and is released afresh.
RELEASED = """
CREATE FUNCTION settlement_as_released() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  RAISE EXCEPTION 'settlement: what was released is paid as it was released' USING ERRCODE = '23514', CONSTRAINT = 'settlement_as_released';
END $body$;
CREATE TRIGGER settlement_as_released
  BEFORE UPDATE OF nostro_id, ssi_id, beneficiary_name, beneficiary_address, due_date, made_by, released_by, released_at, band_id
  ON settlement_instruction FOR EACH ROW
  WHEN (OLD.direction <> 'RECEIVE' AND OLD.status NOT IN ('DRAFT', 'READY', 'BLOCKED') AND NEW.status NOT IN ('READY', 'BLOCKED')
    AND (OLD.nostro_id, OLD.ssi_id, OLD.beneficiary_name, OLD.beneficiary_address, OLD.due_date, OLD.made_by, OLD.released_by,
         OLD.released_at, OLD.band_id)
      IS DISTINCT FROM (NEW.nostro_id, NEW.ssi_id, NEW.beneficiary_name, NEW.beneficiary_address, NEW.due_date, NEW.made_by,
         NEW.released_by, NEW.released_at, NEW.band_id))
  EXECUTE FUNCTION settlement_as_released();
"""
# Who paid what, once it is used; the value date of what is netted or instructed.
KEPT = """
CREATE FUNCTION settlement_matched_stays() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  RAISE EXCEPTION 'settlement: what was matched came from whom it came' USING ERRCODE = '23514', CONSTRAINT = 'settlement_matched_stays';
END $body$;
CREATE TRIGGER settlement_matched_stays BEFORE UPDATE ON settlement_receipt FOR EACH ROW
  WHEN (OLD.status IN ('MATCHED', 'RETURNED', 'REVERTED')
    AND (OLD.account_id, OLD.sender_name, OLD.sender_address, OLD.remittance, OLD.value_date)
      IS DISTINCT FROM (NEW.account_id, NEW.sender_name, NEW.sender_address, NEW.remittance, NEW.value_date))
  EXECUTE FUNCTION settlement_matched_stays();
CREATE FUNCTION settlement_dated_open() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  RAISE EXCEPTION 'settlement: only what is OPEN gets another value date' USING ERRCODE = '23514', CONSTRAINT = 'settlement_dated_open';
END $body$;
CREATE TRIGGER settlement_dated_open BEFORE UPDATE OF value_date ON settlement_obligation FOR EACH ROW
  WHEN (OLD.value_date <> NEW.value_date AND 'OPEN' NOT IN (OLD.status, NEW.status)) EXECUTE FUNCTION settlement_dated_open();
"""
_UNKEPT = """
DROP TRIGGER settlement_matched_stays ON settlement_receipt; DROP FUNCTION settlement_matched_stays();
DROP TRIGGER settlement_dated_open ON settlement_obligation; DROP FUNCTION settlement_dated_open();
"""
_BEFORE = import_module("apps.settlement.migrations.0020_members_at_once").MEMBERS
_MADE = _BEFORE[_BEFORE.index("CREATE FUNCTION settlement_members") : _BEFORE.index("CREATE TRIGGER settlement_members")]
# What changes in a set that stands is as settled as its leg; a leg is moved first, then its members.
_TOGETHER = _MADE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION").replace(
    "  RETURN NULL;",
    """  IF EXISTS (
    SELECT 1 FROM come c JOIN gone g ON g.id = c.id AND g.net_leg_id = c.net_leg_id AND g.status <> c.status
    JOIN settlement_netleg l ON l.id = c.net_leg_id WHERE (c.status = 'SETTLED') <> (l.status = 'SETTLED')
  ) THEN
    RAISE EXCEPTION 'settlement: a leg and its members settle together' USING ERRCODE = '23514', CONSTRAINT = 'settlement_together';
  END IF;
  RETURN NULL;""",
)
_WHOLE = """
CREATE FUNCTION settlement_together() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF EXISTS (SELECT 1 FROM settlement_netleg l JOIN settlement_obligation o ON o.net_leg_id = l.id
             WHERE l.id = NEW.id AND (o.status = 'SETTLED') <> (l.status = 'SETTLED')) THEN
    RAISE EXCEPTION 'settlement: a leg and its members settle together' USING ERRCODE = '23514', CONSTRAINT = 'settlement_together';
  END IF;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER settlement_together AFTER UPDATE OF status ON settlement_netleg DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN ((OLD.status = 'SETTLED') <> (NEW.status = 'SETTLED')) EXECUTE FUNCTION settlement_together();
CREATE FUNCTION settlement_set_whole() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF EXISTS (SELECT 1 FROM settlement_netleg WHERE net_set_id = NEW.id AND status <> 'SETTLED') THEN
    RAISE EXCEPTION 'settlement: a set settles with its last leg' USING ERRCODE = '23514', CONSTRAINT = 'settlement_set_whole';
  END IF;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER settlement_set_whole AFTER UPDATE OF status ON settlement_netset DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.status = 'SETTLED' AND OLD.status <> 'SETTLED') EXECUTE FUNCTION settlement_set_whole();
"""
_APART = f"""
{_MADE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")}
DROP TRIGGER settlement_together ON settlement_netleg; DROP FUNCTION settlement_together();
DROP TRIGGER settlement_set_whole ON settlement_netset; DROP FUNCTION settlement_set_whole();
"""


def _once(field: str, name: str) -> migrations.AddConstraint:
    return migrations.AddConstraint(
        "instruction", models.UniqueConstraint(condition=_ALIVE, fields=(field,), name=f"instruction_{name}_once")
    )


class Migration(migrations.Migration):
    dependencies = [("settlement", "0033_statement_numbers")]
    operations = [
        _once("net_leg", "leg"),
        _once("obligation", "obligation"),
        _once("withdrawal", "withdrawal"),
        _once("returns", "return"),
        migrations.AddConstraint(
            "instruction",
            models.CheckConstraint(
                condition=Q(~Q(("status__in", ["SETTLED", "RECEIVED"])), ("settled_amount", F("amount")), _connector="OR"),
                name="instruction_settled_whole",
            ),
        ),
        migrations.AddConstraint(
            "netleg",
            models.CheckConstraint(
                condition=Q(~Q(("status", "SETTLED")), ("settled_amount", F("amount")), _connector="OR"), name="netleg_settled_whole"
            ),
        ),
        *db.walls(
            db.refrozen_columns_sql("settlement_instruction", [*_FROZEN, "returns_id", "house_transfer_id", "attempt"], _FROZEN),
            (RELEASED, "DROP TRIGGER settlement_as_released ON settlement_instruction; DROP FUNCTION settlement_as_released();"),
            (KEPT, _UNKEPT),
            (_TOGETHER + _WHOLE, _APART),
        ),
    ]
