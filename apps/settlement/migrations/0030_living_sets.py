"""What sweeps and the board look for among obligations, sets and legs that have ended long ago: those that live."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("settlement", "0029_capital")]
    operations = [
        migrations.RemoveIndex(model_name="obligation", name="obligation_open"),
        migrations.AddIndex(
            model_name="obligation",
            index=models.Index(
                condition=models.Q(("status__in", ["OPEN", "NETTED", "INSTRUCTED", "PART_SETTLED"])),
                fields=["value_date", "account"],
                name="obligation_living",
            ),
        ),
        migrations.AddIndex(
            model_name="netleg",
            index=models.Index(condition=models.Q(("status", "OPEN")), fields=["net_set"], name="netleg_open"),
        ),
        migrations.AddIndex(
            model_name="netset",
            index=models.Index(
                condition=models.Q(("status__in", ["FROZEN", "DISPUTED", "AGREED", "SETTLING"])),
                fields=["value_date"],
                name="netset_living",
            ),
        ),
    ]
