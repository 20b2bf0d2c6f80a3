"""An endpoint hears what the key that made it may see; those that stand already hear all."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notify", "0005_webhook_walls")]
    operations = [
        migrations.AddField(
            model_name="endpoint",
            name="account_ids",
            field=django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), null=True, size=None),
        ),
    ]
