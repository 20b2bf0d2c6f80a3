"""A request that seems to be sent twice is found by one look at this index."""

from django.db import migrations, models
from django.db.models.functions import Coalesce


class Migration(migrations.Migration):
    dependencies = [("rfqs", "0006_life_of_a_request")]
    operations = [
        migrations.AddIndex(
            "rfq",
            models.Index(
                "account", "pair", "side", Coalesce("quantity", "quote_quantity"), models.F("received_at").desc(), name="rfq_same"
            ),
        )
    ]
