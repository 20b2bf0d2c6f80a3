"""Capital that is taken out: a house transfer that ends with an owner of the house."""

from django.db import migrations, models

from apps.core import db

_BEFORE = ["entity_id", "asset_id", "source_id", "target_id", "amount", "reason", "made_by", "requested_at", "place_id"]


class Migration(migrations.Migration):
    dependencies = [
        ("instruments", "0002_calendar_changes"),
        ("settlement", "0028_house_with_venues"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="housetransfer",
            name="housetransfer_arrived",
        ),
        migrations.RemoveConstraint(
            model_name="housetransfer",
            name="housetransfer_two_ends",
        ),
        migrations.AddField(
            model_name="housetransfer",
            name="owner_address",
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name="housetransfer",
            name="owner_name",
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddConstraint(
            model_name="housetransfer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "SETTLED"), _negated=True),
                    models.Q(("receipt__isnull", False), ("target__isnull", False)),
                    models.Q(("movement__isnull", False), ("target__isnull", True)),
                    models.Q(("owner_address", ""), _negated=True),
                    _connector="OR",
                ),
                name="housetransfer_arrived",
            ),
        ),
        migrations.AddConstraint(
            model_name="housetransfer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("owner_address", ""), ("place__isnull", True), ("source__isnull", False), ("target__isnull", False)),
                    models.Q(("owner_address", ""), ("place__isnull", False), ("source__isnull", False), ("target__isnull", True)),
                    models.Q(("owner_address", ""), ("place__isnull", False), ("source__isnull", True), ("target__isnull", False)),
                    models.Q(
                        ("place__isnull", True),
                        ("source__isnull", False),
                        ("target__isnull", True),
                        models.Q(("owner_address", ""), _negated=True),
                        models.Q(("owner_name", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="housetransfer_two_ends",
            ),
        ),
        *db.walls(db.refrozen_columns_sql("settlement_housetransfer", [*_BEFORE, "owner_name", "owner_address"], _BEFORE)),
    ]
