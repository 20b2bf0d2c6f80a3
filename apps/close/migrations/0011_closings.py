"""What a close keeps for the proofs of later days: never changed, made with the close alone, undone by what opens a day again.

A balance is looked at against the lines that it names: what is done in the ledger is what is done on the statement, but for what it calls
apart. The application computes it from both sides' items; the wall from the two running balances.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import apps.close.states
import apps.core.db
import apps.core.ids
from apps.close.states import CLOSING
from apps.core import db

OF_A_CLOSED_DAY = """
CREATE FUNCTION close_closing_of_a_closed_day() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM close_businessday WHERE id = NEW.day_id AND status = 'CLOSED') THEN
    RAISE EXCEPTION 'close: a closing is of a closed day' USING ERRCODE = '23514', CONSTRAINT = 'close_closing_of_a_closed_day';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER close_closing_of_a_closed_day BEFORE INSERT ON close_closing FOR EACH ROW EXECUTE FUNCTION close_closing_of_a_closed_day();
"""
KEPT_WHOLE = """
CREATE FUNCTION close_closing_whole() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM close_closing WHERE day_id = NEW.id AND status = 'STANDING') OR EXISTS (
    SELECT 1 FROM settlement_nostro n WHERE n.entity_id = NEW.entity_id AND EXISTS (
      SELECT 1 FROM ledger_ledgeraccount a WHERE a.owner_id = n.id AND a.kind = 'NOSTRO' AND a.version > 0)
    AND NOT EXISTS (SELECT 1 FROM close_closing c JOIN close_closingbalance b ON b.closing_id = c.id
                    WHERE c.day_id = NEW.id AND c.status = 'STANDING' AND b.kind = 'NOSTRO' AND b.owner_id = n.id)
  ) THEN
    RAISE EXCEPTION 'close: % keeps nothing for the days after it', NEW.date USING ERRCODE = '23514', CONSTRAINT = 'close_closing_whole';
  END IF;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER close_closing_whole AFTER UPDATE OF status ON close_businessday DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (OLD.status <> 'CLOSED' AND NEW.status = 'CLOSED') EXECUTE FUNCTION close_closing_whole();
"""
AGREES = """
CREATE FUNCTION close_closing_agrees() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
  until date; account uuid; booked numeric := 0; waiting numeric; later numeric; found_lines bigint; told numeric; unmatched numeric;
BEGIN
  SELECT d.date, a.id INTO until, account FROM close_closing c JOIN close_businessday d ON d.id = c.day_id
  LEFT JOIN ledger_ledgeraccount a ON a.entity_id = d.entity_id AND a.kind = NEW.kind AND a.owner_id = NEW.owner_id
    AND a.asset_code = NEW.asset_code WHERE c.id = NEW.closing_id;
  IF NEW.version > 0 THEN
    SELECT l.balance INTO booked FROM ledger_ledgerline l WHERE l.account_id = account AND l.version = NEW.version;
  END IF;
  SELECT coalesce(sum(l.amount), 0), coalesce(sum(l.amount) FILTER (WHERE t.business_date > until), 0), count(*)
    INTO waiting, later, found_lines
  FROM unnest(NEW.open_lines) AS o(id) JOIN ledger_ledgerline l ON l.id = o.id AND l.account_id = account AND l.version <= NEW.version
  JOIN ledger_ledgertransaction t ON t.id = l.transaction_id;
  IF booked IS NULL OR found_lines <> cardinality(NEW.open_lines) OR NEW.ledger <> booked - later THEN
    RAISE EXCEPTION 'close: posting % of % is not where it closed', NEW.version, NEW.owner_id
      USING ERRCODE = '23514', CONSTRAINT = 'close_closing_agrees';
  END IF;
  IF NEW.kind = 'NOSTRO' AND NEW.stated IS NOT NULL THEN
    SELECT s.balance INTO told FROM settlement_statementline s WHERE s.nostro_id = NEW.owner_id AND s.sequence = NEW.sequence;
    SELECT coalesce(sum(s.amount), 0), count(*) INTO unmatched, found_lines FROM unnest(NEW.open_statement_lines) AS o(id)
    JOIN settlement_statementline s ON s.id = o.id AND s.nostro_id = NEW.owner_id AND s.sequence <= NEW.sequence;
    told := CASE WHEN NEW.sequence = 0 THEN NEW.stated ELSE told END;
    IF told IS NULL OR found_lines <> cardinality(NEW.open_statement_lines) OR told - unmatched <> booked - waiting + NEW.apart THEN
      RAISE EXCEPTION 'close: what is done on the statement of % is not what is done in the ledger', NEW.owner_id
        USING ERRCODE = '23514', CONSTRAINT = 'close_closing_agrees';
    END IF;
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER close_closing_agrees BEFORE INSERT ON close_closingbalance FOR EACH ROW EXECUTE FUNCTION close_closing_agrees();
"""
UNDONE = """
CREATE FUNCTION close_closings_undone() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  UPDATE close_closing c SET status = 'UNDONE' FROM close_businessday d, close_businessday opened
  WHERE opened.id = NEW.id AND d.id = c.day_id AND d.entity_id = opened.entity_id AND d.date >= opened.date AND c.status = 'STANDING';
  RETURN NULL;
END $body$;
CREATE TRIGGER close_closings_undone AFTER UPDATE OF status ON close_businessday FOR EACH ROW
  WHEN (OLD.status = 'CLOSED' AND NEW.status <> 'CLOSED') EXECUTE FUNCTION close_closings_undone();
"""


def _gone(name: str, table: str) -> str:
    return f"DROP TRIGGER {name} ON {table}; DROP FUNCTION {name}();"


class Migration(migrations.Migration):
    dependencies = [
        ("close", "0010_shortfalls"),
        ("settlement", "0029_capital"),
        ("ledger", "0008_closed_days"),
    ]

    operations = [
        migrations.CreateModel(
            name="Closing",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            (apps.close.states.ClosingStatus["STANDING"], apps.close.states.ClosingStatus["STANDING"]),
                            (apps.close.states.ClosingStatus["UNDONE"], apps.close.states.ClosingStatus["UNDONE"]),
                        ],
                        default=apps.close.states.ClosingStatus["STANDING"],
                        max_length=8,
                    ),
                ),
                ("made_at", models.DateTimeField(db_default=models.expressions.RawSQL("clock_timestamp()", []))),
                (
                    "day",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="closings", to="close.businessday"),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(condition=models.Q(("status", "STANDING")), fields=("day",), name="closing_once")],
            },
        ),
        migrations.CreateModel(
            name="ClosingBalance",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("kind", models.CharField(choices=[("NOSTRO", "nostro"), ("VENUE", "venue")], max_length=6)),
                ("owner_id", models.UUIDField()),
                ("asset_code", models.CharField(max_length=12)),
                ("ledger", apps.core.db.AmountField()),
                ("version", models.BigIntegerField()),
                ("stated", apps.core.db.AmountField(null=True)),
                ("sequence", models.BigIntegerField()),
                ("apart", apps.core.db.AmountField()),
                ("open_lines", django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ("open_statement_lines", django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None)),
                (
                    "closing",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="balances", to="close.closing"),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("closing", "kind", "owner_id", "asset_code"), name="closingbalance_once")],
            },
        ),
        *db.walls(
            db.moves_sql("close_closing", CLOSING),
            db.undeletable_sql("close_closing"),
            db.frozen_columns_sql("close_closing", ["day_id", "made_at"]),
            db.append_only_sql("close_closingbalance"),
            (OF_A_CLOSED_DAY, _gone("close_closing_of_a_closed_day", "close_closing")),
            (AGREES, _gone("close_closing_agrees", "close_closingbalance")),
            (KEPT_WHOLE, _gone("close_closing_whole", "close_businessday")),
            (UNDONE, _gone("close_closings_undone", "close_businessday")),
        ),
    ]
