"""A later version of a deal owes the difference, by account where the deal is allocated; what was cancelled by one is no longer counted."""

import django.db.models.deletion
from django.db import migrations, models

from apps.core import db

_BEFORE = ["trade_id", "version_id", "account_id", "entity_id", "asset_id", "direction", "amount"]


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0007_close_out_kept"),
        ("instruments", "0001_initial"),
        ("settlement", "0007_band_walls"),
        ("trades", "0007_versions"),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="obligation", name="obligation_once"),
        migrations.AddField(
            model_name="obligation",
            name="allocation",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="trades.allocation"),
        ),
        migrations.AddConstraint(
            model_name="obligation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "CANCELLED"), _negated=True),
                fields=("version", "allocation", "asset", "direction"),
                name="obligation_once",
                nulls_distinct=False,
            ),
        ),
        *db.walls(db.refrozen_columns_sql("settlement_obligation", [*_BEFORE, "allocation_id"], _BEFORE)),
    ]
