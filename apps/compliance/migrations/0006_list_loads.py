"""When a list got new entries: who was looked up before is looked up again; what is found is an alert."""

from django.db import migrations, models

import apps.core.ids
from apps.compliance.states import AlertRule
from apps.core import db


class Migration(migrations.Migration):
    dependencies = [("compliance", "0005_travel_teller")]
    operations = [
        migrations.CreateModel(
            name="ListLoad",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("list_name", models.CharField(max_length=60)),
                ("added", models.IntegerField()),
                ("loaded_at", models.DateTimeField()),
            ],
        ),
        migrations.AlterField("alert", "rule", models.CharField(choices=[(rule, rule) for rule in AlertRule], max_length=30)),
        *db.walls(db.append_only_sql("compliance_listload")),
    ]
