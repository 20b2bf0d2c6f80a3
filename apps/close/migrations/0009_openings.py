"""Opening balances: asked and granted by two, posted once an account, and never after something real.

The wall looks at the end of the transaction, when the account's balance is locked: what was posted before is seen, nothing comes between.
"""

import django.db.models.deletion
from django.db import migrations, models

import apps.close.states
import apps.core.db
import apps.core.ids
from apps.core import db

FIRST = """
CREATE FUNCTION close_opening_first() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NOT EXISTS (
    SELECT 1 FROM ledger_ledgertransaction t JOIN ledger_ledgerline l ON l.transaction_id = t.id
    WHERE t.key = 'opening:' || NEW.ledger_account_id AND t.source_type = 'opening' AND t.source_id = NEW.id
      AND l.account_id = NEW.ledger_account_id AND l.amount = CASE NEW.kind WHEN 'CLIENT_BALANCE' THEN -NEW.amount ELSE NEW.amount END
  ) THEN
    RAISE EXCEPTION 'close: an opening balance is posted as it was granted' USING ERRCODE = '23514', CONSTRAINT = 'close_opening_posted';
  END IF;
  IF EXISTS (
    SELECT 1 FROM ledger_ledgerline l JOIN ledger_ledgertransaction t ON t.id = l.transaction_id
    WHERE l.account_id = NEW.ledger_account_id AND t.business_date <= NEW.date AND t.source_id <> NEW.id
  ) THEN
    RAISE EXCEPTION 'close: this balance has postings already' USING ERRCODE = '23514', CONSTRAINT = 'close_opening_first';
  END IF;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER close_opening_first AFTER INSERT ON close_opening DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION close_opening_first();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("close", "0008_reopening_waits"),
        ("instruments", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Opening",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            (apps.close.states.OpeningKind["NOSTRO"], apps.close.states.OpeningKind["NOSTRO"]),
                            (apps.close.states.OpeningKind["VENUE"], apps.close.states.OpeningKind["VENUE"]),
                            (apps.close.states.OpeningKind["CLIENT_BALANCE"], apps.close.states.OpeningKind["CLIENT_BALANCE"]),
                        ],
                        max_length=14,
                    ),
                ),
                ("owner_id", models.UUIDField()),
                ("owner", models.CharField(max_length=160)),
                ("asset_code", models.CharField(max_length=12)),
                ("ledger_account_id", models.UUIDField()),
                ("amount", apps.core.db.AmountField()),
                ("date", models.DateField()),
                ("evidence", models.CharField(max_length=200)),
                ("asked_by", models.UUIDField()),
                ("granted_by", models.UUIDField()),
                ("posted_at", models.DateTimeField()),
                (
                    "entity",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="instruments.bookingentity"),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["entity", "-posted_at"], name="opening_by_entity")],
                "constraints": [
                    models.UniqueConstraint(fields=("ledger_account_id",), name="opening_once"),
                    models.CheckConstraint(
                        condition=models.Q(("asked_by", models.F("granted_by")), _negated=True), name="opening_four_eyes"
                    ),
                    models.CheckConstraint(condition=models.Q(("amount", 0), _negated=True), name="opening_not_zero"),
                    models.CheckConstraint(condition=models.Q(("evidence", ""), _negated=True), name="opening_evidence"),
                ],
            },
        ),
        *db.walls(
            db.append_only_sql("close_opening"),
            (FIRST, "DROP TRIGGER close_opening_first ON close_opening; DROP FUNCTION close_opening_first();"),
        ),
    ]
