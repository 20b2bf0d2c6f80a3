"""One instruction that leaves in many payments: its parts, and what keeps them the whole."""

import django.db.models.deletion
from django.db import migrations, models

from apps.core import db
from apps.settlement.states import INSTRUCTION

_STATES = [
    "DRAFT",
    "READY",
    "BLOCKED",
    "RELEASED",
    "SENDING",
    "UNKNOWN",
    "SENT",
    "SETTLED",
    "FAILED",
    "RETURNED",
    "CANCELLED",
    "EXPECTED",
    "PART_RECEIVED",
    "RECEIVED",
    "SPLIT",
]
_MOVES, _GONE = db.moves_sql("settlement_instruction", INSTRUCTION)
_FROZEN = ["direction", "account_id", "entity_id", "asset_id", "amount", "net_leg_id", "obligation_id", "withdrawal_id", "end_to_end_id"]
# At commit the parts that live make their whole, show what it shows, are of what it is of, and wait only while it is SPLIT.
_SPLIT = """
CREATE FUNCTION settlement_split_whole() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE w settlement_instruction; live numeric; paid numeric; waiting bigint; strange bigint;
BEGIN
  SELECT * INTO w FROM settlement_instruction WHERE id = coalesce(NEW.whole_id, NEW.id);
  SELECT coalesce(sum(p.amount) FILTER (WHERE p.status NOT IN ('FAILED', 'RETURNED', 'CANCELLED')), 0),
    coalesce(sum(p.settled_amount) FILTER (WHERE p.status NOT IN ('FAILED', 'RETURNED', 'CANCELLED')), 0),
    count(*) FILTER (WHERE p.status IN ('DRAFT', 'READY', 'BLOCKED', 'RELEASED', 'SENDING', 'UNKNOWN')),
    count(*) FILTER (WHERE (p.asset_id, p.nostro_id, p.entity_id) <> (w.asset_id, w.nostro_id, w.entity_id)
      OR p.account_id IS DISTINCT FROM w.account_id OR p.net_leg_id IS DISTINCT FROM w.net_leg_id
      OR p.obligation_id IS DISTINCT FROM w.obligation_id OR p.withdrawal_id IS DISTINCT FROM w.withdrawal_id)
    INTO live, paid, waiting, strange FROM settlement_instruction p WHERE p.whole_id = w.id;
  IF w.whole_id IS NOT NULL OR strange > 0 OR (w.status = 'SPLIT' AND (live <> w.amount OR paid <> w.settled_amount))
     OR (w.status <> 'SPLIT' AND waiting > 0) THEN
    RAISE EXCEPTION 'settlement: the parts of an instruction make the whole' USING ERRCODE = '23514', CONSTRAINT = 'settlement_split_whole';
  END IF;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER settlement_split_born AFTER INSERT ON settlement_instruction DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.whole_id IS NOT NULL) EXECUTE FUNCTION settlement_split_whole();
CREATE CONSTRAINT TRIGGER settlement_split_moves AFTER UPDATE OF status, settled_amount, nostro_id ON settlement_instruction
  DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.whole_id IS NOT NULL OR 'SPLIT' IN (OLD.status, NEW.status)) EXECUTE FUNCTION settlement_split_whole();
"""
_UNSPLIT = """
DROP TRIGGER settlement_split_born ON settlement_instruction; DROP TRIGGER settlement_split_moves ON settlement_instruction;
DROP FUNCTION settlement_split_whole();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0015_fees_invoiced"),
        ("instruments", "0002_calendar_changes"),
        ("settlement", "0026_booked_decides"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="instruction",
            name="instruction_leg_attempt",
        ),
        migrations.RemoveConstraint(
            model_name="instruction",
            name="instruction_obligation_attempt",
        ),
        migrations.RemoveConstraint(
            model_name="instruction",
            name="instruction_withdrawal_attempt",
        ),
        migrations.AddField(
            model_name="instruction",
            name="part",
            field=models.SmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="instruction",
            name="whole",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="parts", to="settlement.instruction"
            ),
        ),
        migrations.AddField(
            model_name="releaseband",
            name="most_payments",
            field=models.SmallIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name="instruction",
            name="status",
            field=models.CharField(choices=[(s, s) for s in _STATES], max_length=13),
        ),
        migrations.AddConstraint(
            model_name="instruction",
            constraint=models.UniqueConstraint(fields=("net_leg", "part", "attempt"), name="instruction_leg_attempt"),
        ),
        migrations.AddConstraint(
            model_name="instruction",
            constraint=models.UniqueConstraint(fields=("obligation", "part", "attempt"), name="instruction_obligation_attempt"),
        ),
        migrations.AddConstraint(
            model_name="instruction",
            constraint=models.UniqueConstraint(fields=("withdrawal", "part", "attempt"), name="instruction_withdrawal_attempt"),
        ),
        migrations.AddConstraint(
            model_name="instruction",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ["FAILED", "RETURNED", "CANCELLED"]), _negated=True),
                fields=("whole", "part"),
                name="instruction_part_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="instruction",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("part", 0), ("whole__isnull", True)),
                    models.Q(
                        ("direction", "PAY"),
                        ("house_transfer__isnull", True),
                        ("part__gte", 1),
                        ("returns__isnull", True),
                        ("whole__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="instruction_part_of_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="releaseband",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("most_payments__isnull", True),
                    models.Q(("largest__isnull", False), ("most_payments__gte", 2), ("most_payments__lte", 100)),
                    _connector="OR",
                ),
                name="releaseband_payments",
            ),
        ),
        *db.walls(
            (_GONE + _MOVES, _GONE + _MOVES),
            db.refrozen_columns_sql("settlement_instruction", [*_FROZEN, "whole_id", "part"], _FROZEN),
            (_SPLIT, _UNSPLIT),
        ),
    ]
