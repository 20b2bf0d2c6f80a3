"""What a default came to, once and for all."""

import django.db.models.deletion
from django.db import migrations, models

import apps.core.db
import apps.core.ids
from apps.core import db


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0010_api_version"),
        ("instruments", "0001_initial"),
        ("settlement", "0015_pay_to"),
    ]

    operations = [
        migrations.CreateModel(
            name="CloseOut",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("agreement", models.CharField(max_length=80)),
                (
                    "event",
                    models.CharField(
                        choices=[
                            ("FAILURE_TO_PAY", "FAILURE_TO_PAY"),
                            ("INSOLVENCY", "INSOLVENCY"),
                            ("ILLEGALITY", "ILLEGALITY"),
                            ("OTHER_BREACH", "OTHER_BREACH"),
                        ],
                        max_length=14,
                    ),
                ),
                ("evidence", models.CharField(max_length=200)),
                ("marks_date", models.DateField()),
                ("currency", models.CharField(max_length=12)),
                ("amount", apps.core.db.AmountField()),
                ("lines", models.JSONField()),
                ("approval_id", models.UUIDField()),
                ("made_by", models.UUIDField()),
                ("checked_by", models.UUIDField()),
                ("closed_at", models.DateTimeField()),
                (
                    "adjustment",
                    models.OneToOneField(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="close_out", to="settlement.adjustment"
                    ),
                ),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clients.counterparty")),
                (
                    "entity",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="instruments.bookingentity"),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("approval_id", "entity", "agreement"), name="closeout_once"),
                    models.CheckConstraint(
                        condition=models.Q(("made_by", models.F("checked_by")), _negated=True), name="closeout_four_eyes"
                    ),
                    models.CheckConstraint(condition=models.Q(("evidence", ""), _negated=True), name="closeout_evidence"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("adjustment__isnull", True), ("amount", 0)),
                            models.Q(models.Q(("amount", 0), _negated=True), ("adjustment__isnull", False)),
                            _connector="OR",
                        ),
                        name="closeout_adjusted",
                    ),
                ],
            },
        ),
        *db.walls(db.append_only_sql("settlement_closeout")),
    ]
