"""Whether deals close out net is part of the terms that are never edited."""

from django.db import migrations

from apps.core import db

_BEFORE = ["account_id", "version", "effective_from", "entity_id", "book_id", "mode", "pairs", "markup_bps", "fee_bps", "fee_mode"]
_AFTER = [*_BEFORE, "close_out_netting", "close_out_agreement", "close_out_date"]
_DROP = "DROP TRIGGER clients_terms_frozen ON clients_terms;"


class Migration(migrations.Migration):
    dependencies = [("clients", "0006_close_out")]
    operations = db.walls(
        (f"{_DROP} {db.frozen_columns_sql('clients_terms', _AFTER)[0]}", f"{_DROP} {db.frozen_columns_sql('clients_terms', _BEFORE)[0]}")
    )
