"""Who told us a record of the travel rule, as the network knows them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0004_travel_rule"),
    ]

    operations = [
        migrations.AddField(
            model_name="travelrecord",
            name="vasp_lei",
            field=models.CharField(blank=True, default="", max_length=20),
        ),
        migrations.AddField(
            model_name="travelrecord",
            name="vasp_name",
            field=models.CharField(blank=True, default="", max_length=100),
        ),
    ]
