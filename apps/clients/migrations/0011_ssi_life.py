"""Who proposed, approved and verified a settlement instruction, with what evidence; numbers on file to call back."""

import django.db.models.deletion
from django.db import migrations, models

import apps.core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0010_api_version"),
    ]

    operations = [
        migrations.CreateModel(
            name="ContactNumber",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("person", models.CharField(max_length=120)),
                ("number", models.CharField(max_length=16)),
                ("recorded_by", models.UUIDField(null=True)),
                ("recorded_at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="ssi",
            name="approved_by",
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="ssi",
            name="checked_by",
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="ssi",
            name="compliance_by",
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="ssi",
            name="ended_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="ssi",
            name="evidence",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name="ssi",
            name="evidence_kind",
            field=models.CharField(blank=True, max_length=14),
        ),
        migrations.AddField(
            model_name="ssi",
            name="proposed_by",
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="ssi",
            name="self_hosted",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="ssi",
            name="valid_until",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="ssi",
            name="verified_by",
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="ssi",
            index=models.Index(fields=["status", "cooling_until"], name="ssi_queue"),
        ),
        migrations.AddConstraint(
            model_name="ssi",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("approved_by__isnull", True), models.Q(("approved_by", models.F("proposed_by")), _negated=True), _connector="OR"
                ),
                name="ssi_two_members",
            ),
        ),
        migrations.AddConstraint(
            model_name="ssi",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("proposed_by__isnull", True), ("status__in", ["DRAFT", "REJECTED"]), ("approved_by__isnull", False), _connector="OR"
                ),
                name="ssi_client_approved",
            ),
        ),
        migrations.AddConstraint(
            model_name="ssi",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("proposed_by__isnull", True),
                    ("status__in", ["DRAFT", "VERIFYING", "REJECTED"]),
                    models.Q(
                        ("checked_by__isnull", False),
                        ("cooling_until__isnull", False),
                        ("verified_by__isnull", False),
                        models.Q(("evidence_kind", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="ssi_verified",
            ),
        ),
        migrations.AddConstraint(
            model_name="ssi",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("checked_by__isnull", True),
                    models.Q(
                        models.Q(("checked_by", models.F("verified_by")), _negated=True),
                        models.Q(
                            ("compliance_by__isnull", True),
                            models.Q(
                                models.Q(("compliance_by", models.F("verified_by")), _negated=True),
                                models.Q(("compliance_by", models.F("checked_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                    ),
                    _connector="OR",
                ),
                name="ssi_four_eyes",
            ),
        ),
        migrations.AddConstraint(
            model_name="ssi",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("proposed_by__isnull", True),
                    ("self_hosted", False),
                    ("status__in", ["DRAFT", "VERIFYING", "REJECTED"]),
                    ("compliance_by__isnull", False),
                    _connector="OR",
                ),
                name="ssi_self_hosted",
            ),
        ),
        migrations.AddField(
            model_name="contactnumber",
            name="counterparty",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="numbers", to="clients.counterparty"),
        ),
        migrations.AddConstraint(
            model_name="contactnumber",
            constraint=models.CheckConstraint(condition=models.Q(("number__regex", "^\\+[1-9][0-9]{7,14}$")), name="contactnumber_e164"),
        ),
    ]
