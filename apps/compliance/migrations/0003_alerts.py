"""What the rules of monitoring spoke about, and what compliance did about it."""

import django.db.models.deletion
from django.db import migrations, models

import apps.compliance.states
import apps.core.ids
from apps.compliance.states import ALERT
from apps.core import db


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0002_walls"),
        ("core", "0002_walls"),
    ]

    operations = [
        migrations.CreateModel(
            name="Alert",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "rule",
                    models.CharField(
                        choices=[
                            (apps.compliance.states.AlertRule["OFF_MARKET"], apps.compliance.states.AlertRule["OFF_MARKET"]),
                            (apps.compliance.states.AlertRule["LATE_BOOKING"], apps.compliance.states.AlertRule["LATE_BOOKING"]),
                            (apps.compliance.states.AlertRule["CANCEL_AFTER_MOVE"], apps.compliance.states.AlertRule["CANCEL_AFTER_MOVE"]),
                            (apps.compliance.states.AlertRule["BAND_SPLITTING"], apps.compliance.states.AlertRule["BAND_SPLITTING"]),
                            (apps.compliance.states.AlertRule["IN_OUT_NO_TRADE"], apps.compliance.states.AlertRule["IN_OUT_NO_TRADE"]),
                            (
                                apps.compliance.states.AlertRule["SSI_CHANGE_BEFORE_PAYMENT"],
                                apps.compliance.states.AlertRule["SSI_CHANGE_BEFORE_PAYMENT"],
                            ),
                            (
                                apps.compliance.states.AlertRule["PRE_HEDGE_NO_CONSENT"],
                                apps.compliance.states.AlertRule["PRE_HEDGE_NO_CONSENT"],
                            ),
                        ],
                        max_length=30,
                    ),
                ),
                ("cause", models.CharField(max_length=120)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            (apps.compliance.states.AlertStatus["OPEN"], apps.compliance.states.AlertStatus["OPEN"]),
                            (apps.compliance.states.AlertStatus["ESCALATED"], apps.compliance.states.AlertStatus["ESCALATED"]),
                            (apps.compliance.states.AlertStatus["REPORTED"], apps.compliance.states.AlertStatus["REPORTED"]),
                            (apps.compliance.states.AlertStatus["CLOSED"], apps.compliance.states.AlertStatus["CLOSED"]),
                        ],
                        default=apps.compliance.states.AlertStatus["OPEN"],
                        max_length=9,
                    ),
                ),
                ("why", models.CharField(max_length=300)),
                ("client_id", models.UUIDField(null=True)),
                ("client_name", models.CharField(blank=True, max_length=200)),
                ("subject_type", models.CharField(max_length=30)),
                ("subject_id", models.UUIDField()),
                ("raised_at", models.DateTimeField()),
                ("owner_id", models.UUIDField(null=True)),
                ("owner_name", models.CharField(blank=True, max_length=120)),
                ("outcome", models.CharField(blank=True, max_length=300)),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("status__in", ["OPEN", "ESCALATED"])), fields=["raised_at"], name="alert_open")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("rule", "cause"), name="alert_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at__isnull", True), ("outcome", ""), ("status__in", ["OPEN", "ESCALATED"])),
                            models.Q(
                                ("ended_at__isnull", False),
                                ("status__in", ["REPORTED", "CLOSED"]),
                                models.Q(("outcome", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="alert_ended",
                    ),
                    models.CheckConstraint(condition=models.Q(("why", ""), _negated=True), name="alert_why"),
                ],
            },
        ),
        migrations.CreateModel(
            name="AlertNote",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "act",
                    models.CharField(
                        choices=[
                            ("NOTED", "NOTED"),
                            ("TAKEN", "TAKEN"),
                            ("ESCALATED", "ESCALATED"),
                            ("REPORTED", "REPORTED"),
                            ("CLOSED", "CLOSED"),
                        ],
                        max_length=9,
                    ),
                ),
                ("text", models.CharField(blank=True, max_length=500)),
                ("by", models.UUIDField()),
                ("by_name", models.CharField(max_length=120)),
                ("at", models.DateTimeField()),
                ("alert", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="notes", to="compliance.alert")),
            ],
            options={
                "abstract": False,
            },
        ),
        *db.walls(
            db.moves_sql("compliance_alert", ALERT),
            db.undeletable_sql("compliance_alert"),
            db.frozen_columns_sql(
                "compliance_alert", ["rule", "cause", "why", "client_id", "client_name", "subject_type", "subject_id", "raised_at"]
            ),
            db.append_only_sql("compliance_alertnote"),
        ),
    ]
