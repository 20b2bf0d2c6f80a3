"""The blocks of the audit chain."""

import django.contrib.postgres.fields
from django.db import migrations, models

from apps.core import db


class Migration(migrations.Migration):
    dependencies = [("events", "0004_one_after_the_other")]
    operations = [
        migrations.CreateModel(
            name="Seal",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("era", models.SmallIntegerField()),
                ("after_xid", models.BigIntegerField()),
                ("xid", models.BigIntegerField()),
                ("ids", django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None)),
                ("digests", models.BinaryField()),
                ("previous", models.BinaryField()),
                ("head", models.BinaryField(unique=True)),
                ("sealed_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("era", "after_xid"), name="seal_follows_once"),
                    models.CheckConstraint(condition=models.Q(("number__gt", 0), ("xid__gt", models.F("after_xid"))), name="seal_forward"),
                ],
            },
        ),
        *db.walls(db.append_only_sql("events_seal")),
    ]
