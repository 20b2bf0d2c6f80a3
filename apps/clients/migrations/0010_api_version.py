"""Keys that there are keep the answers that they know; a new key gets the newest."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("clients", "0009_key_caps")]
    operations = [
        migrations.AddField("apikey", "api_version", models.CharField(default="2026-09-01", max_length=10)),
        migrations.AlterField("apikey", "api_version", models.CharField(default="2026-11-15", max_length=10)),
    ]
