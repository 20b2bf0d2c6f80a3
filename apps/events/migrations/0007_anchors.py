"""The signed head of each day is kept and never changed."""

from django.db import migrations, models

from apps.core import db


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0006_whole_in_the_row"),
    ]

    operations = [
        migrations.CreateModel(
            name="Anchor",
            fields=[
                ("date", models.DateField(primary_key=True, serialize=False)),
                ("number", models.BigIntegerField()),
                ("head", models.BinaryField()),
                ("signed", models.TextField()),
                ("written_at", models.DateTimeField()),
            ],
            options={
                "constraints": [models.CheckConstraint(condition=models.Q(("number__gt", 0)), name="anchor_of_a_block")],
            },
        ),
        *db.walls(db.append_only_sql("events_anchor")),
    ]
