"""Approved marks are kept."""

from django.db import migrations

from apps.core import db
from apps.pricing.states import MARK_SET


class Migration(migrations.Migration):
    dependencies = [("pricing", "0001_initial"), ("core", "0002_walls")]
    operations = db.walls(
        db.moves_sql("pricing_markset", MARK_SET),
        db.append_only_sql("pricing_mark"),
        db.undeletable_sql("pricing_markset"),
        db.undeletable_sql("pricing_halt"),
    )
