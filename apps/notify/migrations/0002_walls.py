"""A delivery moves as its table says."""

from django.db import migrations

from apps.core import db
from apps.notify.states import DELIVERY


class Migration(migrations.Migration):
    dependencies = [("notify", "0001_initial"), ("core", "0002_walls")]
    operations = db.walls(
        db.moves_sql("notify_delivery", DELIVERY),
        db.undeletable_sql("notify_delivery"),
    )
