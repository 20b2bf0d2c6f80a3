"""A break moves as its table says and is never deleted; what was said about it, and what venues say, is kept."""

from django.db import migrations

from apps.close.states import BREAK
from apps.core import db


class Migration(migrations.Migration):
    dependencies = [("close", "0006_breaks")]
    operations = db.walls(
        db.moves_sql("close_break", BREAK),
        db.undeletable_sql("close_break"),
        db.frozen_columns_sql("close_break", ["entity_id", "proof", "kind", "key", "asset_code", "since", "found_at"]),
        db.append_only_sql("close_breaknote"),
        db.append_only_sql("close_venuebalance"),
    )
