"""A bank's own number of a statement has up to 18 digits (ISO 20022, ElctrncSeqNb): some write the day into it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("settlement", "0032_parts_of_transfers")]
    operations = [migrations.AlterField("statementimport", "number", models.BigIntegerField(null=True))]
