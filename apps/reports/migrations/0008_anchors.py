"""A document names the audit chain as it was when the document was made: that is issued too, and never changes."""

from importlib import import_module

from django.db import migrations, models

from apps.core import db

_BEFORE = import_module("apps.reports.migrations.0005_done_is_done").ISSUED
_GONE = "DROP TRIGGER reports_issued ON reports_reportrun; DROP FUNCTION reports_issued();"
_MORE = "OR NEW.chain_number IS DISTINCT FROM OLD.chain_number OR NEW.chain_head IS DISTINCT FROM OLD.chain_head"
ISSUED = _BEFORE.replace(
    "NEW.done_at IS DISTINCT FROM OLD.done_at", f"NEW.done_at IS DISTINCT FROM OLD.done_at\n                                 {_MORE}"
)
assert ISSUED != _BEFORE


class Migration(migrations.Migration):
    dependencies = [
        ("reports", "0007_dealing_hours"),
    ]

    operations = [
        migrations.AddField(
            model_name="reportrun",
            name="chain_head",
            field=models.CharField(blank=True, db_default="", max_length=64),
        ),
        migrations.AddField(
            model_name="reportrun",
            name="chain_number",
            field=models.BigIntegerField(null=True),
        ),
        *db.walls((_GONE + ISSUED, _GONE + _BEFORE)),
    ]
