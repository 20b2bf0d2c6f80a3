"""Commissions: rates in versions by two, never changed; accruals that are never deleted, of which only what pays them is filled in."""

import django.db.models.deletion
from django.db import migrations, models

import apps.core.db
import apps.core.ids
import apps.settlement.states
from apps.core import db


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0014_lp_terms"),
        ("instruments", "0001_initial"),
        ("settlement", "0022_replacements"),
        ("trades", "0010_plan_walls"),
    ]

    operations = [
        migrations.CreateModel(
            name="CommissionRate",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField()),
                (
                    "basis",
                    models.CharField(
                        choices=[
                            (apps.settlement.states.CommissionBasis["QUOTE_BPS"], apps.settlement.states.CommissionBasis["QUOTE_BPS"]),
                            (
                                apps.settlement.states.CommissionBasis["MARGIN_SHARE"],
                                apps.settlement.states.CommissionBasis["MARGIN_SHARE"],
                            ),
                        ],
                        max_length=12,
                    ),
                ),
                ("rate", apps.core.db.AmountField()),
                ("effective_from", models.DateTimeField()),
                ("reason", models.CharField(max_length=200)),
                ("made_by", models.UUIDField()),
                ("checked_by", models.UUIDField()),
                ("account", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clients.account")),
                ("client", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clients.counterparty")),
                ("introducer", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clients.counterparty")),
            ],
        ),
        migrations.CreateModel(
            name="Accrual",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("trade_version", models.SmallIntegerField()),
                ("due", apps.core.db.AmountField()),
                ("amount", apps.core.db.AmountField()),
                ("business_date", models.DateField()),
                ("accrued_at", models.DateTimeField()),
                (
                    "adjustment",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="accruals", to="settlement.adjustment"
                    ),
                ),
                ("asset", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="instruments.asset")),
                ("introducer", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="clients.counterparty")),
                ("trade", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="trades.trade")),
                (
                    "rate",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="accruals", to="settlement.commissionrate"),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="commissionrate",
            constraint=models.UniqueConstraint(fields=("introducer", "client", "version"), name="commissionrate_version"),
        ),
        migrations.AddConstraint(
            model_name="commissionrate",
            constraint=models.CheckConstraint(
                condition=models.Q(("made_by", models.F("checked_by")), _negated=True), name="commissionrate_four_eyes"
            ),
        ),
        migrations.AddConstraint(
            model_name="commissionrate",
            constraint=models.CheckConstraint(
                condition=models.Q(("introducer", models.F("client")), _negated=True), name="commissionrate_of_two"
            ),
        ),
        migrations.AddConstraint(
            model_name="commissionrate",
            constraint=models.CheckConstraint(
                condition=models.Q(("rate__gte", 0), ("rate__lte", 100), models.Q(("reason", ""), _negated=True)),
                name="commissionrate_whole",
            ),
        ),
        migrations.AddIndex(
            model_name="accrual",
            index=models.Index(fields=["introducer", "-accrued_at"], name="accrual_by_introducer"),
        ),
        migrations.AddConstraint(
            model_name="accrual",
            constraint=models.UniqueConstraint(fields=("trade", "trade_version", "introducer"), name="accrual_once"),
        ),
        migrations.AddConstraint(
            model_name="accrual",
            constraint=models.CheckConstraint(condition=models.Q(("due__gte", 0)), name="accrual_due"),
        ),
        *db.walls(
            db.append_only_sql("settlement_commissionrate"),
            db.undeletable_sql("settlement_accrual"),
            db.frozen_columns_sql(
                "settlement_accrual",
                ["rate_id", "trade_id", "trade_version", "introducer_id", "asset_id", "due", "amount", "business_date", "accrued_at"],
            ),
        ),
    ]
