"""A run that renders holds a lease: when it runs out, its worker was lost and another may try."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reports", "0003_read_indexes")]
    operations = [migrations.AddField(model_name="reportrun", name="lease_until", field=models.DateTimeField(null=True))]
