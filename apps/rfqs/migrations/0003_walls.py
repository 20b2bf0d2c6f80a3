"""Requests and quotes move as their tables say; what was quoted never changes."""

from django.db import migrations

from apps.core import db
from apps.rfqs.states import QUOTE, RFQ

AMOUNTS = ("price", "quantity", "quote_quantity", "fee", "client_pays", "client_receives")


class Migration(migrations.Migration):
    dependencies = [("rfqs", "0002_initial"), ("core", "0002_walls")]
    operations = db.walls(
        db.moves_sql("rfqs_rfq", RFQ),
        db.undeletable_sql("rfqs_rfq"),
        db.frozen_columns_sql(
            "rfqs_rfq", ["client_id", "account_id", "client_rfq_id", "pair_id", "side", "quantity", "quote_quantity", "received_at"]
        ),
        db.moves_sql("rfqs_quote", QUOTE),
        db.undeletable_sql("rfqs_quote"),
        db.frozen_columns_sql(
            "rfqs_quote",
            [
                *("rfq_id", "number", "created_at", "expires_at", "reference_mid"),
                *(f"{side}_{amount}" for side in ("buy", "sell") for amount in AMOUNTS),
            ],
        ),
    )
