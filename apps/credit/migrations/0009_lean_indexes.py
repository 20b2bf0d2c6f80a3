"""Indexes that another one covers go; a day is held against its line once, behind its upsert: the INSERT that becomes an UPDATE counted too."""

import django.db.models.deletion
from django.db import migrations, models

from apps.core import db

TRIGGER = """
DROP TRIGGER credit_day_limit ON credit_lineday;
CREATE TRIGGER credit_day_limit {when} INSERT OR UPDATE ON credit_lineday FOR EACH ROW EXECUTE FUNCTION credit_day_limit();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("credit", "0008_calls_on_balances"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="reservation",
            name="reservation_live",
        ),
        migrations.AlterField(
            model_name="lineday",
            name="line",
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="days", to="credit.line"),
        ),
        migrations.AlterField(
            model_name="reservation",
            name="line",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="reservations", to="credit.line"
            ),
        ),
        *db.walls((TRIGGER.format(when="AFTER"), TRIGGER.format(when="BEFORE"))),
    ]
