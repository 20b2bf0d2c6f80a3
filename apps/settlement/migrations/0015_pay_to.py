"""What clients are told of where to pay us is kept in versions; an account of ours never becomes another one."""

import django.db.models.deletion
from django.db import migrations, models

import apps.core.ids
from apps.core import db


class Migration(migrations.Migration):
    dependencies = [
        ("settlement", "0014_frozen_receipts"),
    ]

    operations = [
        migrations.CreateModel(
            name="PayTo",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField()),
                ("holder", models.CharField(max_length=120)),
                ("bic", models.CharField(blank=True, max_length=11)),
                ("bank", models.CharField(blank=True, max_length=120)),
                ("withdrawn", models.BooleanField(default=False)),
                ("reason", models.CharField(max_length=200)),
                ("made_by", models.UUIDField()),
                ("checked_by", models.UUIDField()),
                ("set_at", models.DateTimeField()),
                ("nostro", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="told", to="settlement.nostro")),
            ],
            options={
                "verbose_name": "deposit instruction",
                "verbose_name_plural": "deposit instructions",
                "constraints": [
                    models.UniqueConstraint(fields=("nostro", "version"), name="payto_version"),
                    models.CheckConstraint(condition=models.Q(("made_by", models.F("checked_by")), _negated=True), name="payto_four_eyes"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("version__gte", 1), models.Q(("holder", ""), _negated=True), models.Q(("reason", ""), _negated=True)
                        ),
                        name="payto_whole",
                    ),
                ],
            },
        ),
        *db.walls(
            db.append_only_sql("settlement_payto"),
            db.frozen_columns_sql("settlement_nostro", ["entity_id", "rail_id", "asset_id", "address", "designation"]),
        ),
    ]
