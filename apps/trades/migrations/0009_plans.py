"""Shares of a deal that its client names before it, at the request."""

import django.db.models.deletion
from django.db import migrations, models

import apps.core.db
import apps.core.ids
import apps.trades.states


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0013_own_custody"),
        ("rfqs", "0009_lean_indexes"),
        ("trades", "0008_version_walls"),
    ]

    operations = [
        migrations.CreateModel(
            name="AllocationPlan",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("number", models.SmallIntegerField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            (apps.trades.states.PlanStatus["PLANNED"], apps.trades.states.PlanStatus["PLANNED"]),
                            (apps.trades.states.PlanStatus["REPLACED"], apps.trades.states.PlanStatus["REPLACED"]),
                            (apps.trades.states.PlanStatus["WITHDRAWN"], apps.trades.states.PlanStatus["WITHDRAWN"]),
                            (apps.trades.states.PlanStatus["LAPSED"], apps.trades.states.PlanStatus["LAPSED"]),
                            (apps.trades.states.PlanStatus["DONE"], apps.trades.states.PlanStatus["DONE"]),
                            (apps.trades.states.PlanStatus["REFUSED"], apps.trades.states.PlanStatus["REFUSED"]),
                        ],
                        default=apps.trades.states.PlanStatus["PLANNED"],
                        max_length=9,
                    ),
                ),
                ("planned_by", models.UUIDField()),
                ("planned_at", models.DateTimeField()),
                ("refusal", models.CharField(blank=True, max_length=40)),
                ("detail", models.CharField(blank=True, max_length=200)),
                ("ended_at", models.DateTimeField(null=True)),
                ("rfq", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="rfqs.rfq")),
                (
                    "trade",
                    models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="plan", to="trades.trade"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PlannedShare",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("position", models.SmallIntegerField()),
                ("quantity", apps.core.db.AmountField(null=True)),
                ("percent", apps.core.db.AmountField(null=True)),
                (
                    "account",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clients.account"),
                ),
                (
                    "plan",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="shares", to="trades.allocationplan"
                    ),
                ),
            ],
            options={
                "ordering": ["position"],
            },
        ),
        migrations.AddIndex(
            model_name="allocationplan",
            index=models.Index(condition=models.Q(("status", "PLANNED")), fields=["planned_at"], name="plan_open"),
        ),
        migrations.AddConstraint(
            model_name="allocationplan",
            constraint=models.UniqueConstraint(fields=("rfq", "number"), name="plan_number"),
        ),
        migrations.AddConstraint(
            model_name="allocationplan",
            constraint=models.UniqueConstraint(condition=models.Q(("status", "PLANNED")), fields=("rfq",), name="plan_one"),
        ),
        migrations.AddConstraint(
            model_name="allocationplan",
            constraint=models.CheckConstraint(condition=models.Q(("number__gte", 1)), name="plan_from_one"),
        ),
        migrations.AddConstraint(
            model_name="allocationplan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("status", "PLANNED")),
                    models.Q(models.Q(("status", "PLANNED"), _negated=True), ("ended_at__isnull", False)),
                    _connector="OR",
                ),
                name="plan_ended",
            ),
        ),
        migrations.AddConstraint(
            model_name="allocationplan",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status__in", ["DONE", "REFUSED"]), ("trade__isnull", False)),
                    models.Q(models.Q(("status__in", ["DONE", "REFUSED"]), _negated=True), ("trade__isnull", True)),
                    _connector="OR",
                ),
                name="plan_of_a_deal",
            ),
        ),
        migrations.AddConstraint(
            model_name="allocationplan",
            constraint=models.CheckConstraint(
                condition=models.Q(("status", "REFUSED"), ("refusal", ""), _connector="OR"), name="plan_refusal"
            ),
        ),
        migrations.AddConstraint(
            model_name="plannedshare",
            constraint=models.UniqueConstraint(fields=("plan", "account"), name="plannedshare_once"),
        ),
        migrations.AddConstraint(
            model_name="plannedshare",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("percent__isnull", True), ("quantity__gt", 0)),
                    models.Q(("percent__gt", 0), ("percent__lte", 100), ("quantity__isnull", True)),
                    _connector="OR",
                ),
                name="plannedshare_one",
            ),
        ),
    ]
