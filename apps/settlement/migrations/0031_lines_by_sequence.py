"""The lines of a nostro are read from a sequence on: an index of the nostro alone, which reads all of them, stands in the way."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("settlement", "0030_living_sets")]

    operations = [
        migrations.AlterField(
            model_name="statementline",
            name="nostro",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="statement_lines", to="settlement.nostro"
            ),
        ),
    ]
