"""Our own money between our own accounts."""

import django.db.models.deletion
from django.db import migrations, models

import apps.core.db
import apps.core.ids
import apps.settlement.states
from apps.core import db
from apps.settlement.states import HOUSE_TRANSFER


class Migration(migrations.Migration):
    dependencies = [
        ("instruments", "0001_initial"),
        ("settlement", "0016_close_outs"),
    ]

    operations = [
        migrations.CreateModel(
            name="HouseTransfer",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("amount", apps.core.db.AmountField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            (
                                apps.settlement.states.HouseTransferStatus["REQUESTED"],
                                apps.settlement.states.HouseTransferStatus["REQUESTED"],
                            ),
                            (
                                apps.settlement.states.HouseTransferStatus["APPROVED"],
                                apps.settlement.states.HouseTransferStatus["APPROVED"],
                            ),
                            (
                                apps.settlement.states.HouseTransferStatus["INSTRUCTED"],
                                apps.settlement.states.HouseTransferStatus["INSTRUCTED"],
                            ),
                            (
                                apps.settlement.states.HouseTransferStatus["IN_TRANSIT"],
                                apps.settlement.states.HouseTransferStatus["IN_TRANSIT"],
                            ),
                            (apps.settlement.states.HouseTransferStatus["SETTLED"], apps.settlement.states.HouseTransferStatus["SETTLED"]),
                            (
                                apps.settlement.states.HouseTransferStatus["CANCELLED"],
                                apps.settlement.states.HouseTransferStatus["CANCELLED"],
                            ),
                            (apps.settlement.states.HouseTransferStatus["FAILED"], apps.settlement.states.HouseTransferStatus["FAILED"]),
                        ],
                        default=apps.settlement.states.HouseTransferStatus["REQUESTED"],
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(max_length=200)),
                ("made_by", models.UUIDField()),
                ("checked_by", models.UUIDField(null=True)),
                ("requested_at", models.DateTimeField()),
                ("settled_at", models.DateTimeField(null=True)),
                ("failure", models.CharField(blank=True, max_length=120)),
                ("asset", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="instruments.asset")),
                (
                    "entity",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="instruments.bookingentity"),
                ),
                (
                    "receipt",
                    models.OneToOneField(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="house_transfer", to="settlement.receipt"
                    ),
                ),
                ("source", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="settlement.nostro")),
                ("target", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="settlement.nostro")),
            ],
        ),
        migrations.AddField(
            model_name="instruction",
            name="house_transfer",
            field=models.OneToOneField(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="instruction", to="settlement.housetransfer"
            ),
        ),
        migrations.AddConstraint(
            model_name="housetransfer",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="housetransfer_positive"),
        ),
        migrations.AddConstraint(
            model_name="housetransfer",
            constraint=models.CheckConstraint(
                condition=models.Q(("source", models.F("target")), _negated=True), name="housetransfer_two_places"
            ),
        ),
        migrations.AddConstraint(
            model_name="housetransfer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("checked_by__isnull", True), models.Q(("checked_by", models.F("made_by")), _negated=True), _connector="OR"
                ),
                name="housetransfer_four_eyes",
            ),
        ),
        migrations.AddConstraint(
            model_name="housetransfer",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["REQUESTED", "CANCELLED"]), ("checked_by__isnull", False), _connector="OR"),
                name="housetransfer_checked",
            ),
        ),
        migrations.AddConstraint(
            model_name="housetransfer",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("status", "SETTLED"), _negated=True), ("receipt__isnull", False), _connector="OR"),
                name="housetransfer_arrived",
            ),
        ),
        *db.walls(
            db.moves_sql("settlement_housetransfer", HOUSE_TRANSFER),
            db.undeletable_sql("settlement_housetransfer"),
            db.frozen_columns_sql(
                "settlement_housetransfer",
                ["entity_id", "asset_id", "source_id", "target_id", "amount", "reason", "made_by", "requested_at"],
            ),
        ),
    ]
