"""Why a line was kept out, and what was disputed, stays on record."""

from django.db import migrations

from apps.core import db


class Migration(migrations.Migration):
    dependencies = [("settlement", "0010_line_disputes"), ("core", "0002_walls")]
    operations = db.walls(
        db.append_only_sql("settlement_exclusion"),
        db.undeletable_sql("settlement_linedispute"),
        db.frozen_columns_sql(
            "settlement_linedispute", ["net_set_id", "obligation_id", "reason", "raised_kind", "raised_by", "evidence", "raised_at"]
        ),
    )
