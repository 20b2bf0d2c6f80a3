"""A hedge has its row and moves as the table says, by two people where it says so; internal trades stay in one entity."""

from django.db import migrations

from apps.core import db
from apps.trades.states import HEDGE

# Hedges of before this table: nobody has compared them with the LP's record.
KNOWN = """
INSERT INTO trades_hedge (id, trade_id, status, pre_hedge, differences, note)
SELECT gen_random_uuid(), id, 'UNCONFIRMED', false, '[]', '' FROM trades_trade WHERE kind = 'HEDGE';
SET CONSTRAINTS ALL IMMEDIATE;
"""
TWO_PEOPLE = """
CREATE FUNCTION trades_hedge_hands() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.status IS DISTINCT FROM OLD.status AND (NEW.status = 'CANCELLED' OR OLD.status = 'BREAK') AND NEW.checked_by IS NULL THEN
    RAISE EXCEPTION 'trades: a break is closed and a hedge cancelled by two people' USING ERRCODE = '23514', CONSTRAINT = 'trades_hedge_hands';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER trades_hedge_hands BEFORE UPDATE ON trades_hedge FOR EACH ROW EXECUTE FUNCTION trades_hedge_hands();
"""
AS_ONE = """
CREATE FUNCTION trades_hedge_as_one() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
  deal uuid;
BEGIN
  IF TG_TABLE_NAME = 'trades_trade' THEN deal := NEW.id; ELSE deal := NEW.trade_id; END IF;
  IF NOT EXISTS (SELECT 1 FROM trades_trade t JOIN trades_hedge h ON h.trade_id = t.id
                 WHERE t.id = deal AND t.kind = 'HEDGE' AND (t.status = 'CANCELLED') = (h.status = 'CANCELLED')) THEN
    RAISE EXCEPTION 'trades: a deal and its hedge are one, cancelled together' USING ERRCODE = '23514', CONSTRAINT = 'trades_hedge_as_one';
  END IF;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER trades_hedge_as_one AFTER INSERT OR UPDATE OF status ON trades_hedge DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION trades_hedge_as_one();
CREATE CONSTRAINT TRIGGER trades_trade_as_one AFTER INSERT OR UPDATE OF status ON trades_trade DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.kind = 'HEDGE') EXECUTE FUNCTION trades_hedge_as_one();
"""
LINKS = """
CREATE FUNCTION trades_links() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.covers_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM trades_trade c WHERE c.id = NEW.covers_id AND c.kind = 'CLIENT' AND c.entity_id = NEW.entity_id) THEN
    RAISE EXCEPTION 'trades: a hedge covers a client''s deal of its own entity' USING ERRCODE = '23514', CONSTRAINT = 'trades_links';
  END IF;
  IF NEW.kind = 'INTERNAL' AND NOT (
    EXISTS (SELECT 1 FROM instruments_book b WHERE b.id = NEW.book_id AND b.entity_id = NEW.entity_id)
    AND EXISTS (SELECT 1 FROM instruments_book b WHERE b.id = NEW.to_book_id AND b.entity_id = NEW.entity_id)
    AND EXISTS (SELECT 1 FROM clients_counterparty c WHERE c.id = NEW.counterparty_id AND c.house_of_id = NEW.entity_id)) THEN
    RAISE EXCEPTION 'trades: an internal trade stays in one booking entity' USING ERRCODE = '23514', CONSTRAINT = 'trades_links';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER trades_links BEFORE INSERT OR UPDATE OF covers_id ON trades_trade
  FOR EACH ROW WHEN (NEW.covers_id IS NOT NULL OR NEW.kind = 'INTERNAL') EXECUTE FUNCTION trades_links();
"""
CONSENT = """
CREATE FUNCTION trades_prehedge_consent() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM rfqs_rfq r JOIN clients_terms t ON t.id = r.terms_id WHERE r.id = NEW.rfq_id AND t.prehedge_consent <> '') THEN
    RAISE EXCEPTION 'trades: no hedge ahead of a client without its consent' USING ERRCODE = '23514', CONSTRAINT = 'trades_prehedge_consent';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER trades_prehedge_consent BEFORE INSERT ON trades_hedge
  FOR EACH ROW WHEN (NEW.pre_hedge) EXECUTE FUNCTION trades_prehedge_consent();
"""
SPLITS = """
CREATE TRIGGER trades_tradeversion_splits BEFORE INSERT ON trades_tradeversion
  FOR EACH ROW WHEN (NEW.sales <> '[]'::jsonb) EXECUTE FUNCTION clients_splits();
"""
_TRADE = [
    "kind", "counterparty_id", "account_id", "terms_id", "entity_id", "book_id", "pair_id", "rfq_id", "quote_id", "client_order_id",
    "execution_id",
]  # fmt: skip


def _frozen_trade(columns: list[str]) -> str:
    return "DROP TRIGGER trades_trade_frozen ON trades_trade;" + db.frozen_columns_sql("trades_trade", columns)[0]


class Migration(migrations.Migration):
    dependencies = [("trades", "0005_hedges"), ("clients", "0005_house_walls")]
    operations = db.walls(
        (KNOWN, "SELECT 1"),
        db.moves_sql("trades_hedge", HEDGE),
        db.undeletable_sql("trades_hedge"),
        db.frozen_columns_sql("trades_hedge", ["trade_id", "pre_hedge", "rfq_id"]),
        db.append_only_sql("trades_lprecord"),
        db.append_only_sql("trades_lpfill"),
        (TWO_PEOPLE, "DROP TRIGGER trades_hedge_hands ON trades_hedge; DROP FUNCTION trades_hedge_hands();"),
        (
            AS_ONE,
            "DROP TRIGGER trades_trade_as_one ON trades_trade; DROP TRIGGER trades_hedge_as_one ON trades_hedge; "
            "DROP FUNCTION trades_hedge_as_one();",
        ),
        (LINKS, "DROP TRIGGER trades_links ON trades_trade; DROP FUNCTION trades_links();"),
        (CONSENT, "DROP TRIGGER trades_prehedge_consent ON trades_hedge; DROP FUNCTION trades_prehedge_consent();"),
        (SPLITS, "DROP TRIGGER trades_tradeversion_splits ON trades_tradeversion;"),
        (_frozen_trade([*_TRADE, "to_book_id"]), _frozen_trade(_TRADE)),
    )
