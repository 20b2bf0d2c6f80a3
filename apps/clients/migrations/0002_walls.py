"""Statuses move as the tables say; terms and settlement instructions are never edited."""

from django.db import migrations

from apps.clients.states import CLIENT, SSI
from apps.core import db


class Migration(migrations.Migration):
    dependencies = [("clients", "0001_initial"), ("core", "0002_walls")]
    operations = db.walls(
        db.moves_sql("clients_counterparty", CLIENT),
        db.moves_sql("clients_account", CLIENT),
        db.moves_sql("clients_ssi", SSI),
        db.undeletable_sql("clients_ssi"),
        db.frozen_columns_sql("clients_ssi", ["account_id", "rail_code", "asset_code", "holder", "address", "bic"]),
        db.undeletable_sql("clients_terms"),
        db.frozen_columns_sql(
            "clients_terms",
            ["account_id", "version", "effective_from", "entity_id", "book_id", "mode", "pairs", "markup_bps", "fee_bps", "fee_mode"],
        ),
        db.frozen_columns_sql("clients_apikey", ["key_id", "member_id", "public_key"]),
    )
