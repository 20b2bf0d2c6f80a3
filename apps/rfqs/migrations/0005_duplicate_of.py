"""A request knows which one it seems to repeat; what a quote was made of never changes, as its amounts."""

from django.db import migrations, models

from apps.core import db

RFQ = ["client_id", "account_id", "client_rfq_id", "pair_id", "side", "quantity", "quote_quantity", "received_at"]
AMOUNTS = ("price", "quantity", "quote_quantity", "fee", "client_pays", "client_receives")
QUOTE = ["rfq_id", "number", "created_at", "expires_at", "reference_mid", *(f"{s}_{a}" for s in ("buy", "sell") for a in AMOUNTS)]


class Migration(migrations.Migration):
    dependencies = [("rfqs", "0004_answered_once")]
    operations = [
        migrations.AddField("rfq", "duplicate_of", models.UUIDField(null=True)),
        *db.walls(
            db.refrozen_columns_sql("rfqs_rfq", [*RFQ, "duplicate_of"], RFQ),
            db.refrozen_columns_sql("rfqs_quote", [*QUOTE, "provenance", "response_time_us"], QUOTE),
        ),
    ]
