"""Policies get versions and more bounds; venues their fees."""

from django.db import migrations, models

import apps.core.db
import apps.core.ids
import apps.pricing.models


class Migration(migrations.Migration):
    dependencies = [
        ("pricing", "0004_bands"),
    ]

    operations = [
        migrations.CreateModel(
            name="PairPolicyVersion",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("pair_code", models.CharField(max_length=25)),
                ("version", models.IntegerField()),
                ("terms", models.JSONField(decoder=apps.pricing.models.ExactNumbers)),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("changed_by", models.UUIDField(null=True)),
                ("changed_by_name", models.CharField(blank=True, max_length=120)),
                ("approval_id", models.UUIDField(null=True)),
                ("approved_by_name", models.CharField(blank=True, max_length=120)),
                ("changed_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Venue",
            fields=[
                ("code", models.CharField(max_length=30, primary_key=True, serialize=False)),
                ("taker_bps", apps.core.db.AmountField(default=0)),
            ],
        ),
        migrations.AddField(
            model_name="pairpolicy",
            name="auto_max_age_ms",
            field=models.IntegerField(default=4000),
        ),
        migrations.AddField(
            model_name="pairpolicy",
            name="auto_max_sigma",
            field=apps.core.db.AmountField(default=0),
        ),
        migrations.AddField(
            model_name="pairpolicy",
            name="auto_max_spread_bps",
            field=apps.core.db.AmountField(default=0),
        ),
        migrations.AddField(
            model_name="pairpolicy",
            name="auto_min_sources",
            field=models.IntegerField(default=1),
        ),
        migrations.AddField(
            model_name="pairpolicy",
            name="max_deviation_bps",
            field=apps.core.db.AmountField(default=50),
        ),
        migrations.AddField(
            model_name="pairpolicy",
            name="max_jump_bps",
            field=apps.core.db.AmountField(default=1000),
        ),
        migrations.AddField(
            model_name="pairpolicy",
            name="min_depth",
            field=apps.core.db.AmountField(default=0),
        ),
        migrations.AddField(
            model_name="pairpolicy",
            name="source_max_age_ms",
            field=models.IntegerField(default=5000),
        ),
        migrations.AddField(
            model_name="pairpolicy",
            name="version",
            field=models.IntegerField(default=1),
        ),
        migrations.AddConstraint(
            model_name="pairpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("minimum_earn__gte", 0),
                    ("skew_cap_bps__gte", 0),
                    ("skew_cap_bps__lt", 10000),
                    ("skew_full_at__gte", 0),
                    ("spread_bps__gte", 0),
                    ("spread_bps__lt", 10000),
                    ("volatility_share__gte", 0),
                ),
                name="policy_spreads",
            ),
        ),
        migrations.AddConstraint(
            model_name="pairpolicy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("auto_max_age_ms__gt", 0),
                    ("auto_max_quantity__gte", 0),
                    ("auto_max_sigma__gte", 0),
                    ("auto_max_spread_bps__gte", 0),
                    ("auto_min_sources__gte", 1),
                    ("max_deviation_bps__gt", 0),
                    ("max_jump_bps__gte", 0),
                    ("max_price_age_ms__gt", 0),
                    ("min_depth__gte", 0),
                    ("source_max_age_ms__gt", 0),
                ),
                name="policy_bounds",
            ),
        ),
        migrations.AddConstraint(
            model_name="pairpolicyversion",
            constraint=models.UniqueConstraint(fields=("pair_code", "version"), name="policyversion_once"),
        ),
        migrations.AddConstraint(
            model_name="pairpolicyversion",
            constraint=models.CheckConstraint(condition=models.Q(("version__gte", 1)), name="policyversion_positive"),
        ),
        migrations.AddConstraint(
            model_name="venue",
            constraint=models.CheckConstraint(condition=models.Q(("taker_bps__gte", 0), ("taker_bps__lt", 1000)), name="venue_fee"),
        ),
    ]
