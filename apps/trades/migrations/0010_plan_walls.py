"""A plan of shares is made while its request is open, for other accounts of its client; its end is the request's, or its own deal's."""

from django.db import migrations

from apps.core import db
from apps.trades.states import PLAN

OF = """
CREATE FUNCTION trades_plan_of() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NOT EXISTS (SELECT 1 FROM rfqs_rfq WHERE id = NEW.rfq_id AND status IN ('RECEIVED', 'PICKED_UP', 'ON_HOLD', 'QUOTED')) THEN
      RAISE EXCEPTION 'trades: shares are planned while the request is open' USING ERRCODE = '23514', CONSTRAINT = 'trades_plan_open';
    END IF;
    IF NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM trades_allocationplan WHERE rfq_id = NEW.rfq_id) THEN
      RAISE EXCEPTION 'trades: plans are numbered without gaps' USING ERRCODE = '23514', CONSTRAINT = 'trades_plan_number';
    END IF;
  ELSIF NEW.trade_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM trades_trade WHERE id = NEW.trade_id AND rfq_id = NEW.rfq_id) THEN
    RAISE EXCEPTION 'trades: a plan is of the deal of its request' USING ERRCODE = '23514', CONSTRAINT = 'trades_plan_of';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER trades_plan_of BEFORE INSERT OR UPDATE ON trades_allocationplan FOR EACH ROW EXECUTE FUNCTION trades_plan_of();
CREATE FUNCTION trades_plannedshare_owner() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM trades_allocationplan p JOIN rfqs_rfq r ON r.id = p.rfq_id JOIN clients_account a ON a.id = NEW.account_id
                 WHERE p.id = NEW.plan_id AND p.status = 'PLANNED' AND a.owner_id = r.client_id AND a.id <> r.account_id) THEN
    RAISE EXCEPTION 'trades: a block goes to other accounts of its client' USING ERRCODE = '23514', CONSTRAINT = 'trades_plannedshare_owner';
  END IF;
  RETURN NEW;
END $body$;
CREATE TRIGGER trades_plannedshare_owner BEFORE INSERT ON trades_plannedshare FOR EACH ROW EXECUTE FUNCTION trades_plannedshare_owner();
"""


class Migration(migrations.Migration):
    dependencies = [("trades", "0009_plans"), ("core", "0002_walls")]
    operations = db.walls(
        db.moves_sql("trades_allocationplan", PLAN),
        db.undeletable_sql("trades_allocationplan"),
        db.frozen_columns_sql("trades_allocationplan", ["rfq_id", "number", "planned_by", "planned_at"]),
        db.append_only_sql("trades_plannedshare"),
        (
            OF,
            "DROP TRIGGER trades_plan_of ON trades_allocationplan; DROP TRIGGER trades_plannedshare_owner ON trades_plannedshare; "
            "DROP FUNCTION trades_plan_of(); DROP FUNCTION trades_plannedshare_owner();",
        ),
    )
