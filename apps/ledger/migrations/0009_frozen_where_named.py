"""The frozen columns of an account are looked at where a statement names one: a posting names only its balance and version."""

from django.db import migrations

from apps.core import db

_TABLE, _COLUMNS = "ledger_ledgeraccount", ("entity_id", "kind", "asset_code", "book_id", "owner_id", "designation")
_ALWAYS = f"CREATE TRIGGER {_TABLE}_frozen BEFORE UPDATE ON {_TABLE} FOR EACH ROW EXECUTE FUNCTION {_TABLE}_frozen();"
_NAMED = _ALWAYS.replace("UPDATE ON", f"UPDATE OF {', '.join(_COLUMNS)} ON")
_DROP = f"DROP TRIGGER {_TABLE}_frozen ON {_TABLE};"


class Migration(migrations.Migration):
    dependencies = [("ledger", "0008_closed_days")]
    operations = db.walls((_DROP + _NAMED, _DROP + _ALWAYS))
