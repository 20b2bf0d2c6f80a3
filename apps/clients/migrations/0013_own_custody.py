"""A wallet that was proven by a signature of its key is in the client's own hands: compliance signs for it as for one called self-hosted."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0012_ssi_walls"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="ssi",
            name="ssi_self_hosted",
        ),
        migrations.AddConstraint(
            model_name="ssi",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("proposed_by__isnull", True),
                    models.Q(("self_hosted", False), models.Q(("evidence_kind", "SIGNED_MESSAGE"), _negated=True)),
                    ("status__in", ["DRAFT", "VERIFYING", "REJECTED"]),
                    ("compliance_by__isnull", False),
                    _connector="OR",
                ),
                name="ssi_self_hosted",
            ),
        ),
    ]
