"""The travel rule: records of who sends and who receives, what VASPs say, where wallets lie."""

import django.db.models.deletion
from django.db import migrations, models

import apps.core.ids
from apps.compliance.states import MESSAGE
from apps.core import db


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0003_alerts"),
        ("core", "0002_walls"),
    ]

    operations = [
        migrations.CreateModel(
            name="TravelRecord",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("subject_type", models.CharField(choices=[("instruction", "we send"), ("receipt", "we receive")], max_length=12)),
                ("subject_id", models.UUIDField()),
                ("version", models.IntegerField()),
                ("payload", models.JSONField()),
                ("faults", models.JSONField(default=list)),
                (
                    "source",
                    models.CharField(
                        choices=[("FILE", "our own file"), ("MESSAGE", "the sending VASP"), ("HAND", "compliance")], max_length=7
                    ),
                ),
                ("message", models.CharField(blank=True, max_length=80)),
                ("evidence", models.CharField(blank=True, max_length=200)),
                ("made_by", models.UUIDField(null=True)),
                ("made_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("subject_id", "version"), name="travelrecord_version"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("made_by__isnull", False), ("source", "HAND"), models.Q(("evidence", ""), _negated=True)),
                            models.Q(("source", "HAND"), _negated=True),
                            _connector="OR",
                        ),
                        name="travelrecord_hand",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WalletHost",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("address", models.CharField(max_length=120)),
                ("version", models.IntegerField()),
                ("vasp_name", models.CharField(blank=True, max_length=100)),
                ("vasp_lei", models.CharField(blank=True, max_length=20)),
                ("evidence", models.CharField(max_length=200)),
                ("set_by", models.UUIDField()),
                ("set_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("address", "version"), name="wallethost_version"),
                    models.CheckConstraint(
                        condition=models.Q(models.Q(("evidence", ""), _negated=True), ("version__gte", 1)), name="wallethost_whole"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("vasp_lei", ""), ("vasp_name", "")),
                            models.Q(models.Q(("vasp_name", ""), _negated=True), models.Q(("vasp_lei", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="wallethost_named",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="TravelMessage",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("vasp_name", models.CharField(max_length=100)),
                ("vasp_lei", models.CharField(max_length=20)),
                (
                    "status",
                    models.CharField(choices=[(s, s) for s in ("DUE", "NO_ANSWER", "ACCEPTED", "REJECTED")], default="DUE", max_length=9),
                ),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("tries", models.IntegerField(default=0)),
                ("tried_at", models.DateTimeField(null=True)),
                ("answered_at", models.DateTimeField(null=True)),
                (
                    "record",
                    models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name="told", to="compliance.travelrecord"),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["status"], name="travelmessage_queue")],
            },
        ),
        *db.walls(
            db.append_only_sql("compliance_travelrecord"),
            db.append_only_sql("compliance_wallethost"),
            db.moves_sql("compliance_travelmessage", MESSAGE),
            db.undeletable_sql("compliance_travelmessage"),
            db.frozen_columns_sql("compliance_travelmessage", ["record_id", "vasp_name", "vasp_lei"]),
        ),
    ]
