"""Statement files that were taken in."""

import django.db.models.deletion
from django.db import migrations, models

import apps.core.ids
from apps.core import db


class Migration(migrations.Migration):
    dependencies = [
        ("settlement", "0008_deltas"),
    ]

    operations = [
        migrations.CreateModel(
            name="StatementImport",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("digest", models.CharField(max_length=64)),
                ("number", models.IntegerField(null=True)),
                ("opening", db.AmountField()),
                ("closing", db.AmountField()),
                ("first_sequence", models.BigIntegerField()),
                ("line_count", models.IntegerField()),
                ("imported_by", models.UUIDField(null=True)),
                ("imported_at", models.DateTimeField()),
                (
                    "nostro",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="statement_imports", to="settlement.nostro"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("nostro", "digest"), name="statementimport_once"),
                    models.CheckConstraint(
                        condition=models.Q(("first_sequence__gte", 1), ("line_count__gte", 0)), name="statementimport_counts"
                    ),
                ],
            },
        ),
        *db.walls(db.append_only_sql("settlement_statementimport")),
    ]
