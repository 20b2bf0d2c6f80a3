"""Client money that is not covered: one open row an entity and asset, which ends covered and is never deleted."""

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

import apps.close.states
import apps.core.db
import apps.core.ids
from apps.close.states import SHORTFALL
from apps.core import db


class Migration(migrations.Migration):
    dependencies = [
        ("close", "0009_openings"),
        ("instruments", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Shortfall",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("asset_code", models.CharField(max_length=12)),
                ("owed", apps.core.db.AmountField()),
                ("kept", apps.core.db.AmountField()),
                ("worst", apps.core.db.AmountField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            (apps.close.states.ShortfallStatus["OPEN"], apps.close.states.ShortfallStatus["OPEN"]),
                            (apps.close.states.ShortfallStatus["COVERED"], apps.close.states.ShortfallStatus["COVERED"]),
                        ],
                        default=apps.close.states.ShortfallStatus["OPEN"],
                        max_length=7,
                    ),
                ),
                ("found_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("owner_id", models.UUIDField(null=True)),
                ("owner_name", models.CharField(blank=True, max_length=150)),
                ("words", models.CharField(blank=True, max_length=200)),
                (
                    "entity",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="instruments.bookingentity"),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(condition=models.Q(("status", "OPEN")), fields=("entity", "asset_code"), name="shortfall_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("worst__gt", 0),
                            ("worst__gte", django.db.models.expressions.CombinedExpression(models.F("owed"), "-", models.F("kept"))),
                        ),
                        name="shortfall_missing",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("status", "OPEN")),
                            models.Q(("ended_at__isnull", False), ("status", "COVERED")),
                            _connector="OR",
                        ),
                        name="shortfall_ended",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("words", ""), ("owner_id__isnull", False), _connector="OR"), name="shortfall_of_somebody"
                    ),
                ],
            },
        ),
        *db.walls(
            db.moves_sql("close_shortfall", SHORTFALL),
            db.undeletable_sql("close_shortfall"),
            db.frozen_columns_sql("close_shortfall", ["entity_id", "asset_code", "found_at"]),
        ),
    ]
