"""When a message is tried next: the lease of the worker that sends it, then the wait after a bounce."""

import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notify", "0002_walls")]
    operations = [
        migrations.AddField(
            model_name="delivery",
            name="next_try_at",
            field=models.DateTimeField(db_default=django.db.models.expressions.RawSQL("clock_timestamp()", [])),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(condition=models.Q(("status__in", ["PENDING", "BOUNCED"])), fields=["next_try_at"], name="delivery_due"),
        ),
    ]
