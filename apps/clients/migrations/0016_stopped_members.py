"""A member whose name a list knows acts no more until compliance has decided."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("clients", "0015_fees_invoiced")]
    operations = [migrations.AddField("member", "stopped_at", models.DateTimeField(blank=True, null=True))]
