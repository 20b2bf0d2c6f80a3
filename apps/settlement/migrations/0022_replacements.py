"""Transactions that replace one that hangs on its chain; what a chain took back may confirm again."""

import django.db.models.deletion
from django.db import migrations, models

import apps.core.db
import apps.core.ids
from apps.core import db
from apps.settlement.states import INSTRUCTION, REPLACEMENT

_STATES = [(s, s) for s in ("READY", "SENDING", "UNKNOWN", "SENT", "REFUSED", "CANCELLED")]
_FORWARD, _GONE = db.moves_sql("settlement_instruction", INSTRUCTION)


class Migration(migrations.Migration):
    dependencies = [("settlement", "0021_rail_reports"), ("core", "0002_walls")]

    operations = [
        migrations.AddField(model_name="instruction", name="stuck_at", field=models.DateTimeField(null=True)),
        migrations.CreateModel(
            name="Replacement",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("number", models.SmallIntegerField()),
                ("fee", apps.core.db.AmountField()),
                ("reason", models.CharField(max_length=200)),
                ("asked_by", models.UUIDField()),
                ("checked_by", models.UUIDField(null=True)),
                ("status", models.CharField(choices=_STATES, default="READY", max_length=9)),
                ("reference", models.CharField(blank=True, max_length=80)),
                ("failure", models.CharField(blank=True, max_length=120)),
                ("made_at", models.DateTimeField()),
                ("sending_since", models.DateTimeField(null=True)),
                ("sent_at", models.DateTimeField(null=True)),
                (
                    "band",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="settlement.releaseband"
                    ),
                ),
                (
                    "instruction",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="replacements", to="settlement.instruction"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("instruction", "number"), name="replacement_number"),
                    models.UniqueConstraint(
                        condition=models.Q(("status__in", ["READY", "SENDING", "UNKNOWN"])),
                        fields=("instruction",),
                        name="replacement_one_at_once",
                    ),
                    models.CheckConstraint(condition=models.Q(("fee__gt", 0), ("number__gte", 2)), name="replacement_amounts"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("band__isnull", True),
                                ("checked_by__isnull", False),
                                models.Q(("checked_by", models.F("asked_by")), _negated=True),
                            ),
                            models.Q(("band__isnull", False), ("checked_by__isnull", True)),
                            _connector="OR",
                        ),
                        name="replacement_four_eyes",
                    ),
                ],
            },
        ),
        *db.walls(
            (_GONE + _FORWARD, _GONE + _FORWARD),
            db.moves_sql("settlement_replacement", REPLACEMENT),
            db.undeletable_sql("settlement_replacement"),
            db.frozen_columns_sql(
                "settlement_replacement", ["instruction_id", "number", "fee", "reason", "asked_by", "checked_by", "band_id", "made_at"]
            ),
        ),
    ]
