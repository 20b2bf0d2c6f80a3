"""A business day moves as its table says; proofs are kept."""

from django.db import migrations

from apps.close.states import DAY
from apps.core import db


class Migration(migrations.Migration):
    dependencies = [("close", "0001_initial"), ("core", "0002_walls")]
    operations = db.walls(
        db.moves_sql("close_businessday", DAY),
        db.undeletable_sql("close_businessday"),
        db.append_only_sql("close_proof"),
    )
