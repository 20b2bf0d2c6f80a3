"""What a reconciliation reads by: records of LPs since a date, and whether an entity of ours hedges with an LP at all."""

from django.db import migrations

INDEXES = (
    ("trades_lprecord_by_date", "trades_lprecord", "(trade_date)"),
    ("trades_trade_hedged_with", "trades_trade", "(counterparty_id, entity_id) WHERE kind = 'HEDGE'"),
)


class Migration(migrations.Migration):
    dependencies = [("reports", "0008_anchors"), ("trades", "0010_plan_walls")]
    operations = [
        migrations.RunSQL([f"CREATE INDEX {name} ON {table} {columns}"], [f"DROP INDEX {name}"]) for name, table, columns in INDEXES
    ]
