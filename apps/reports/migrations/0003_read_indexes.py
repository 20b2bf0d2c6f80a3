"""What reports read by date: deals of a business date, postings of a business date. Reports read across, so the indexes are theirs."""

from django.db import migrations

INDEXES = (
    ("trades_trade_by_date", "trades_trade", "(entity_id, trade_date, booked_at, id)"),
    ("ledger_ledgertransaction_by_date", "ledger_ledgertransaction", "(entity_id, business_date)"),
)


class Migration(migrations.Migration):
    dependencies = [("reports", "0002_walls"), ("trades", "0002_walls"), ("ledger", "0002_walls")]
    operations = [
        migrations.RunSQL([f"CREATE INDEX {name} ON {table} {columns}"], [f"DROP INDEX {name}"]) for name, table, columns in INDEXES
    ]
