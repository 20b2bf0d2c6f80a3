"""A streamed request that lost its feed waits among those that want prices."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("clients", "0003_fair_use"),
        ("instruments", "0001_initial"),
        ("rfqs", "0007_same"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="rfq",
            name="rfq_streams",
        ),
        migrations.AddIndex(
            model_name="rfq",
            index=models.Index(
                condition=models.Q(("status__in", ["RECEIVED", "QUOTED"]), ("stream", True)), fields=["respond_by"], name="rfq_streams"
            ),
        ),
    ]
