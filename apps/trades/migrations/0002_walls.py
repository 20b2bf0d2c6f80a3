"""A deal out of a quote has exactly the price and the amounts that were shown; versions are kept."""

from django.db import migrations

from apps.core import db
from apps.trades.states import TRADE

AS_QUOTED = """
CREATE FUNCTION trades_as_quoted() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.number = 1 AND EXISTS (
    SELECT 1 FROM trades_trade t JOIN rfqs_quote q ON q.id = t.quote_id
    WHERE t.id = NEW.trade_id AND NOT (
      q.status = 'ACCEPTED' AND q.accepted_side = NEW.side AND t.rfq_id = q.rfq_id
      AND CASE NEW.side
        WHEN 'buy' THEN (q.buy_price, q.buy_quantity, q.buy_quote_quantity, q.buy_fee, q.buy_client_pays, q.buy_client_receives)
                      = (NEW.price, NEW.quantity, NEW.quote_quantity, NEW.fee, NEW.pays, NEW.receives)
        ELSE (q.sell_price, q.sell_quantity, q.sell_quote_quantity, q.sell_fee, q.sell_client_pays, q.sell_client_receives)
           = (NEW.price, NEW.quantity, NEW.quote_quantity, NEW.fee, NEW.pays, NEW.receives) END)
  ) THEN
    RAISE EXCEPTION 'trades: a deal must have the price and amounts of its accepted quote' USING ERRCODE = '23514', CONSTRAINT = 'trades_as_quoted';
  END IF;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER trades_as_quoted AFTER INSERT ON trades_tradeversion DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION trades_as_quoted();
"""


class Migration(migrations.Migration):
    dependencies = [("trades", "0001_initial"), ("core", "0002_walls")]
    operations = db.walls(
        db.moves_sql("trades_trade", TRADE),
        db.undeletable_sql("trades_trade"),
        db.frozen_columns_sql(
            "trades_trade",
            [
                "kind",
                "counterparty_id",
                "account_id",
                "terms_id",
                "entity_id",
                "book_id",
                "pair_id",
                "rfq_id",
                "quote_id",
                "client_order_id",
                "execution_id",
            ],
        ),
        db.append_only_sql("trades_tradeversion"),
        (AS_QUOTED, "DROP TRIGGER trades_as_quoted ON trades_tradeversion; DROP FUNCTION trades_as_quoted();"),
    )
