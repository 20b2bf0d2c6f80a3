"""What a rail says of a payment while it has it: once each, kept as it was told."""

import django.db.models.deletion
from django.db import migrations, models

import apps.core.ids
from apps.core import db


class Migration(migrations.Migration):
    dependencies = [("settlement", "0020_members_at_once"), ("core", "0002_walls")]

    operations = [
        migrations.CreateModel(
            name="RailReport",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField()),
                ("stage", models.CharField(max_length=20)),
                ("reference", models.CharField(blank=True, max_length=80)),
                ("reason", models.CharField(blank=True, max_length=120)),
                ("source", models.CharField(choices=[("ANSWER", "answer"), ("POLL", "asked"), ("CALLBACK", "callback")], max_length=8)),
                ("message", models.CharField(blank=True, max_length=80)),
                ("heard_at", models.DateTimeField()),
                (
                    "instruction",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="reports", to="settlement.instruction"),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("instruction", "version"), name="railreport_once"),
                    models.CheckConstraint(
                        condition=models.Q(("version__gte", 1), models.Q(("stage", ""), _negated=True)), name="railreport_whole"
                    ),
                ],
            },
        ),
        *db.walls(db.append_only_sql("settlement_railreport")),
    ]
