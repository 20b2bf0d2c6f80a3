"""A call may be on a prefunded account, in the asset that it is short of, as well as on a line."""

import django.db.models.deletion
from django.db import migrations, models

from apps.core import db

FROZEN = ["line_id", "client_id", "amount", "reason", "issued_by", "issued_at", "due_at"]


class Migration(migrations.Migration):
    dependencies = [("credit", "0007_limits_by_two")]

    operations = [
        migrations.AddField(model_name="exposurecall", name="account_id", field=models.UUIDField(null=True)),
        migrations.AddField(model_name="exposurecall", name="currency", field=models.CharField(default="USD", max_length=12)),
        migrations.AlterField(
            model_name="exposurecall",
            name="line",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name="calls", to="credit.line"),
        ),
        migrations.AddConstraint(
            model_name="exposurecall",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "ISSUED")), fields=("account_id", "currency"), name="call_one_of_balance"
            ),
        ),
        migrations.AddConstraint(
            model_name="exposurecall",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("account_id__isnull", True), ("currency", "USD"), ("line__isnull", False)),
                    models.Q(("account_id__isnull", False), ("line__isnull", True)),
                    _connector="OR",
                ),
                name="call_of_line_or_balance",
            ),
        ),
        *db.walls(db.refrozen_columns_sql("credit_exposurecall", [*FROZEN, "account_id", "currency"], FROZEN)),
    ]
