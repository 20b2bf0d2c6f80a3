"""A version after the first has two people, a reason and the client's consent; what is confirmed, disputed and allocated stays on record."""

from django.db import migrations

from apps.core import db
from apps.trades.states import ALLOCATION, CONFIRMATION, DISPUTE

# The first version is the deal as dealt; hedges and internal trades have no client to consent.
HANDS = """
CREATE FUNCTION trades_version_hands() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.action = 'NEW' OR NEW.reason = '' OR NEW.made_by IS NULL OR NEW.checked_by IS NULL OR NEW.made_by = NEW.checked_by THEN
    RAISE EXCEPTION 'trades: a version is made by one person, checked by another, and has a reason'
      USING ERRCODE = '23514', CONSTRAINT = 'trades_version_hands';
  END IF;
  IF NEW.consent = '' AND NEW.reason NOT IN ('ALLOCATION', 'STATIC_DATA') AND (SELECT kind FROM trades_trade WHERE id = NEW.trade_id) = 'CLIENT' THEN
    RAISE EXCEPTION 'trades: a version without the client''s consent' USING ERRCODE = '23514', CONSTRAINT = 'trades_version_consent';
  END IF;
  IF NEW.number <> (SELECT max(number) + 1 FROM trades_tradeversion WHERE trade_id = NEW.trade_id) THEN
    RAISE EXCEPTION 'trades: versions are numbered without gaps' USING ERRCODE = '23514', CONSTRAINT = 'trades_version_number';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER trades_version_hands BEFORE INSERT ON trades_tradeversion FOR EACH ROW WHEN (NEW.number > 1)
  EXECUTE FUNCTION trades_version_hands();
CREATE FUNCTION trades_version_first() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  RAISE EXCEPTION 'trades: the first version is the deal as dealt' USING ERRCODE = '23514', CONSTRAINT = 'trades_version_first';
END $body$;
CREATE TRIGGER trades_version_first BEFORE INSERT ON trades_tradeversion FOR EACH ROW
  WHEN (NEW.number < 1 OR (NEW.number = 1 AND NEW.action <> 'NEW')) EXECUTE FUNCTION trades_version_first();
"""
# A deal is cancelled exactly when its current version cancels it, and goes from one version to the next.
AS_VERSION = """
CREATE FUNCTION trades_version_status() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NEW.version NOT IN (OLD.version, OLD.version + 1) THEN
    RAISE EXCEPTION 'trades: from one version to the next' USING ERRCODE = '23514', CONSTRAINT = 'trades_version_status';
  END IF;
  IF (NEW.status = 'CANCELLED') IS DISTINCT FROM
     (SELECT action = 'CANCEL' FROM trades_tradeversion WHERE trade_id = NEW.id AND number = NEW.version) THEN
    RAISE EXCEPTION 'trades: a deal is cancelled by its version' USING ERRCODE = '23514', CONSTRAINT = 'trades_version_status';
  END IF;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER trades_version_status AFTER UPDATE OF status, version ON trades_trade DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION trades_version_status();
"""
# At commit the accounts of a block have taken no more of it than there is, and are its client's.
WHOLE = """
CREATE FUNCTION trades_allocation_whole() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE deal uuid;
BEGIN
  IF TG_TABLE_NAME = 'trades_trade' THEN deal := NEW.id; ELSE deal := NEW.trade_id; END IF;
  IF (SELECT coalesce(sum(a.quantity), 0) FROM trades_allocation a WHERE a.trade_id = deal AND a.status = 'ACCEPTED')
     > (SELECT v.quantity FROM trades_trade t JOIN trades_tradeversion v ON v.trade_id = t.id AND v.number = t.version WHERE t.id = deal)
     AND (SELECT status FROM trades_trade WHERE id = deal) = 'ACTIVE' THEN
    RAISE EXCEPTION 'trades: more is allocated than was dealt' USING ERRCODE = '23514', CONSTRAINT = 'trades_allocation_whole';
  END IF;
  RETURN NULL;
END $body$;
CREATE CONSTRAINT TRIGGER trades_allocation_whole AFTER INSERT OR UPDATE OF status ON trades_allocation DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION trades_allocation_whole();
CREATE CONSTRAINT TRIGGER trades_block_whole AFTER UPDATE OF version ON trades_trade DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION trades_allocation_whole();
CREATE FUNCTION trades_allocation_owner() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM trades_trade t JOIN clients_account a ON a.id = NEW.account_id
                 WHERE t.id = NEW.trade_id AND t.kind = 'CLIENT' AND a.owner_id = t.counterparty_id AND a.id <> t.account_id) THEN
    RAISE EXCEPTION 'trades: a block goes to other accounts of its client' USING ERRCODE = '23514', CONSTRAINT = 'trades_allocation_owner';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER trades_allocation_owner BEFORE INSERT ON trades_allocation FOR EACH ROW EXECUTE FUNCTION trades_allocation_owner();
"""
# A confirmation is of its own deal and client; the last version's alone is not superseded.
CONFIRMED = """
CREATE FUNCTION trades_confirmation_of() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM trades_tradeversion v JOIN trades_trade t ON t.id = v.trade_id
                 WHERE v.id = NEW.version_id AND t.id = NEW.trade_id AND t.kind = 'CLIENT' AND t.counterparty_id = NEW.client_id) THEN
    RAISE EXCEPTION 'trades: a confirmation is of its own deal' USING ERRCODE = '23514', CONSTRAINT = 'trades_confirmation_of';
  END IF;
  IF NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM trades_confirmation WHERE client_id = NEW.client_id) THEN
    RAISE EXCEPTION 'trades: confirmations are numbered without gaps' USING ERRCODE = '23514', CONSTRAINT = 'trades_confirmation_gapless';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER trades_confirmation_of BEFORE INSERT ON trades_confirmation FOR EACH ROW EXECUTE FUNCTION trades_confirmation_of();
"""


def _drop(*names: tuple[str, str]) -> str:
    return "; ".join(f"DROP TRIGGER {name} ON {table}" for name, table in names) + "; "


class Migration(migrations.Migration):
    dependencies = [("trades", "0007_versions"), ("core", "0002_walls")]
    operations = db.walls(
        (
            HANDS,
            _drop(("trades_version_hands", "trades_tradeversion"), ("trades_version_first", "trades_tradeversion"))
            + "DROP FUNCTION trades_version_hands(); DROP FUNCTION trades_version_first();",
        ),
        (AS_VERSION, _drop(("trades_version_status", "trades_trade")) + "DROP FUNCTION trades_version_status();"),
        db.moves_sql("trades_allocation", ALLOCATION),
        db.undeletable_sql("trades_allocation"),
        db.frozen_columns_sql("trades_allocation", ["trade_id", "account_id", "quantity", "proposed_by", "proposed_at"]),
        (
            WHOLE,
            _drop(
                ("trades_allocation_whole", "trades_allocation"),
                ("trades_block_whole", "trades_trade"),
                ("trades_allocation_owner", "trades_allocation"),
            )
            + "DROP FUNCTION trades_allocation_whole(); DROP FUNCTION trades_allocation_owner();",
        ),
        db.moves_sql("trades_confirmation", CONFIRMATION),
        db.undeletable_sql("trades_confirmation"),
        db.frozen_columns_sql("trades_confirmation", ["trade_id", "version_id", "client_id", "number", "document", "digest", "made_at"]),
        (CONFIRMED, _drop(("trades_confirmation_of", "trades_confirmation")) + "DROP FUNCTION trades_confirmation_of();"),
        db.moves_sql("trades_dispute", DISPUTE),
        db.undeletable_sql("trades_dispute"),
        db.frozen_columns_sql(
            "trades_dispute",
            ["trade_id", "version_id", "reason", "detail", "evidence", "raised_kind", "raised_by", "raised_name", "raised_at"],
        ),
    )
