"""A receipt that is cleared and not yet credited goes to blocked assets when its client is frozen."""

from django.db import migrations

from apps.core import db
from apps.settlement.states import RECEIPT

_FORWARD, _GONE = db.moves_sql("settlement_receipt", RECEIPT)


class Migration(migrations.Migration):
    dependencies = [("settlement", "0013_adjustment_walls")]
    operations = db.walls((_GONE + _FORWARD, _GONE + _FORWARD))
