"""A match is undone by a row of its own; every receipt has an owner; notes; how much may fall short."""

import django.db.models.deletion
from django.db import migrations, models

import apps.core.db
import apps.core.ids

# Every receipt has somebody who has to act on it, from its first moment.
OWNED = """
UPDATE settlement_receipt SET owner_role = CASE WHEN status IN ('QUARANTINED', 'FROZEN') THEN 'compliance' ELSE 'operations' END
WHERE owner_role = ''
"""


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0010_api_version"),
        ("instruments", "0001_initial"),
        ("settlement", "0017_house_transfers"),
    ]

    operations = [
        migrations.CreateModel(
            name="MatchTolerance",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("version", models.IntegerField()),
                ("amount", apps.core.db.AmountField()),
                ("reason", models.CharField(max_length=200)),
                ("made_by", models.UUIDField()),
                ("checked_by", models.UUIDField()),
                ("set_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="ReceiptNote",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("text", models.CharField(max_length=500)),
                ("written_by", models.UUIDField()),
                ("writer_name", models.CharField(max_length=120)),
                ("written_at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.RemoveConstraint(
            model_name="receiptmatch",
            name="receiptmatch_once",
        ),
        migrations.RemoveConstraint(
            model_name="receiptmatch",
            name="receiptmatch_positive",
        ),
        migrations.AddField(
            model_name="receipt",
            name="by_hand",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="receipt",
            name="owner_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name="receipt",
            name="owner_name",
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name="receiptmatch",
            name="round",
            field=models.SmallIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="receiptmatch",
            name="undoes",
            field=models.OneToOneField(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="undone", to="settlement.receiptmatch"
            ),
        ),
        migrations.AddField(
            model_name="receiptmatch",
            name="written_off",
            field=apps.core.db.AmountField(default=0),
        ),
        migrations.AlterField(
            model_name="deposit",
            name="receipt",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="deposits", to="settlement.receipt"
            ),
        ),
        migrations.AlterField(
            model_name="receipt",
            name="owner_role",
            field=models.CharField(default="operations", max_length=12),
        ),
        migrations.RunSQL([OWNED], migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="deposit",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "CREDITED")), fields=("receipt",), name="deposit_receipt_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="instruction",
            constraint=models.CheckConstraint(
                condition=models.Q(("settled_amount__lte", models.F("amount"))), name="instruction_paid_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="receipt",
            constraint=models.CheckConstraint(condition=models.Q(("owner_role", ""), _negated=True), name="receipt_owned"),
        ),
        migrations.AddConstraint(
            model_name="receiptmatch",
            constraint=models.UniqueConstraint(
                condition=models.Q(("undoes__isnull", True)),
                fields=("receipt", "instruction", "round"),
                name="receiptmatch_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="receiptmatch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("amount__gt", 0), ("undoes__isnull", True), ("written_off__gte", 0)),
                    models.Q(("amount__lt", 0), ("undoes__isnull", False), ("written_off__lte", 0)),
                    _connector="OR",
                ),
                name="receiptmatch_sign",
            ),
        ),
        migrations.AddConstraint(
            model_name="receiptmatch",
            constraint=models.CheckConstraint(
                condition=models.Q(("written_off", 0), ("instruction__isnull", False), _connector="OR"), name="receiptmatch_write_off"
            ),
        ),
        migrations.AddField(
            model_name="matchtolerance",
            name="asset",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="instruments.asset"),
        ),
        migrations.AddField(
            model_name="receiptnote",
            name="receipt",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="notes", to="settlement.receipt"),
        ),
        migrations.AddConstraint(
            model_name="matchtolerance",
            constraint=models.UniqueConstraint(fields=("asset", "version"), name="matchtolerance_version"),
        ),
        migrations.AddConstraint(
            model_name="matchtolerance",
            constraint=models.CheckConstraint(
                condition=models.Q(("made_by", models.F("checked_by")), _negated=True), name="matchtolerance_four_eyes"
            ),
        ),
        migrations.AddConstraint(
            model_name="matchtolerance",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gte", 0)), name="matchtolerance_amount"),
        ),
    ]
